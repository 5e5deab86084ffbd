package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is what to send to.
type target struct {
	base, experiment, run string
	size                  int
}

// sender sends one request of a kind.
type sender func(*client) error

var senders = map[string]sender{
	"log-metric": (*client).logMetric,
	"log-batch":  (*client).logBatch,
	"create-run": (*client).createRun,
	"fill":       (*client).fill,
	"search":     (*client).search,
	"runs":       (*client).runs,
	"history":    (*client).history,
	"put":        (*client).put,
	"get":        (*client).get,
}

// logs are the kinds that need a run of each client's own.
var logs = map[string]bool{"log-metric": true, "log-batch": true}

func kinds() string {
	return strings.Join(append(slices.Sorted(maps.Keys(senders)), "ceiling"), ", ")
}

func (c *client) post(what string, body []byte) error {
	request, err := http.NewRequest(http.MethodPost, c.target.base+"/api/2.0/mlflow/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return c.do(request)
}

func (c *client) logMetric() error {
	c.buffer = fmt.Appendf(c.buffer[:0], `{"run_id":%q,`, c.run)
	c.buffer = appendPoint(c.buffer, "loss", c.sent)
	return c.post("runs/log-metric", append(c.buffer, '}'))
}

func (c *client) logBatch() error {
	c.buffer = fmt.Appendf(c.buffer[:0], `{"run_id":%q,"metrics":[`, c.run)
	for i := range c.target.size {
		if i > 0 {
			c.buffer = append(c.buffer, ',')
		}
		c.buffer = append(c.buffer, '{')
		// Ten metrics, as a training loop logs them.
		c.buffer = appendPoint(c.buffer, "metric"+strconv.Itoa(i%10), c.sent*c.target.size+i/10)
		c.buffer = append(c.buffer, '}')
	}
	return c.post("runs/log-batch", append(c.buffer, "]}"...))
}

// appendPoint appends the fields of a point of a metric.
func appendPoint(b []byte, key string, step int) []byte {
	b = append(b, `"key":"`...)
	b = append(b, key...)
	b = append(b, `","value":`...)
	b = strconv.AppendFloat(b, rand.Float64(), 'g', -1, 64)
	b = append(b, `,"timestamp":`...)
	b = strconv.AppendInt(b, time.Now().UnixMilli(), 10)
	b = append(b, `,"step":`...)
	return strconv.AppendInt(b, int64(step), 10)
}

func (c *client) createRun() error {
	return c.post("runs/create", c.runBody())
}

func (c *client) runBody() []byte {
	return fmt.Appendf(nil, `{"experiment_id":%q,"run_name":"run %d of client %d","start_time":%d,"tags":[`+
		`{"key":"mlflow.user","value":"bench"},{"key":"mlflow.source.name","value":"train.py"}]}`,
		c.target.experiment, c.sent, c.number, time.Now().UnixMilli())
}

// makeRun makes the run that a client logs to.
func (c *client) makeRun() error {
	id, err := c.newRun()
	c.run = id
	return err
}

func (c *client) newRun() (string, error) {
	where := c.target.base + "/api/2.0/mlflow/runs/create"
	response, err := c.http.Post(where, "application/json", bytes.NewReader(c.runBody()))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var made struct {
		Run struct {
			Info struct {
				RunID string `json:"run_id"`
			} `json:"info"`
		} `json:"run"`
	}
	err = json.NewDecoder(response.Body).Decode(&made)
	if err == nil && made.Run.Info.RunID == "" {
		err = fmt.Errorf("runs/create: %s", response.Status)
	}
	return made.Run.Info.RunID, err
}

// fill makes a run with three metrics and three parameters.
func (c *client) fill() error {
	id, err := c.newRun()
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	return c.post("runs/log-batch", fmt.Appendf(nil, `{"run_id":%q,"metrics":[`+
		`{"key":"loss","value":%g,"timestamp":%d,"step":1},{"key":"accuracy","value":%g,"timestamp":%d,"step":1},`+
		`{"key":"seconds","value":%g,"timestamp":%d,"step":1}],"params":[{"key":"depth","value":"%d"},`+
		`{"key":"kind","value":"tree"},{"key":"rate","value":"0.1"}]}`,
		id, rand.Float64(), now, rand.Float64(), now, rand.Float64(), now, c.sent))
}

// search asks for a hundred of the runs with a low loss, another bound each time.
func (c *client) search() error {
	return c.post("runs/search", fmt.Appendf(nil,
		`{"experiment_ids":[%q],"filter":"metrics.loss < %g","max_results":100}`,
		c.target.experiment, 0.01+rand.Float64()/100))
}

// runs asks for a large page of runs.
func (c *client) runs() error {
	return c.post("runs/search", fmt.Appendf(nil, `{"experiment_ids":[%q],"max_results":%d}`, c.target.experiment, c.target.size))
}

// history reads all points of a metric, in pages as large as MLflow's client asks for.
func (c *client) history() error {
	token := ""
	for {
		query := url.Values{"run_id": {c.run}, "metric_key": {"long"}, "max_results": {"25000"}}
		if token != "" {
			query.Set("page_token", token)
		}
		next, err := c.page(c.target.base + "/api/2.0/mlflow/metrics/get-history?" + query.Encode())
		if err != nil || next == "" {
			return err
		}
		token = next
	}
}

// page reads a page and returns the token of the next, without decoding the points.
func (c *client) page(where string) (string, error) {
	response, err := c.http.Get(where)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("get-history: %s %.500s", response.Status, body)
	}
	c.received += int64(len(body))
	_, after, ok := bytes.Cut(body, []byte(`"next_page_token"`))
	if !ok {
		return "", err
	}
	quoted := bytes.SplitN(after, []byte(`"`), 3)
	return string(quoted[1]), err
}

func (c *client) artifact() string {
	return fmt.Sprintf("%s/api/2.0/mlflow-artifacts/artifacts/bench/%d.bin", c.target.base, c.number)
}

// zeros are content that costs nothing to make.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (c *client) put() error {
	body := io.LimitReader(zeros{}, int64(c.target.size))
	request, err := http.NewRequest(http.MethodPut, c.artifact(), body)
	if err != nil {
		return err
	}
	request.ContentLength = int64(c.target.size)
	return c.do(request)
}

func (c *client) get() error {
	request, err := http.NewRequest(http.MethodGet, c.artifact(), nil)
	if err != nil {
		return err
	}
	return c.do(request)
}
