package mlflow

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// batchOf is the body of a batch of metrics, as MLflow's client writes it.
func batchOf(n int) string {
	var b strings.Builder
	b.WriteString(`{"run_id":"0123456789abcdef0123456789abcdef","metrics":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"key":"train/loss_%d","value":%g,"timestamp":%d,"step":%d}`, i%10, 1/float64(i+1), 1795995753000+i, i)
	}
	b.WriteString("]}")
	return b.String()
}

func BenchmarkLogging(b *testing.B) {
	for name, test := range map[string]struct{ path, body string }{
		"metric":    {"runs/log-metric", `{"run_uuid":"0123456789abcdef0123456789abcdef","run_id":"0123456789abcdef0123456789abcdef","key":"loss","value":0.5,"timestamp":1795995753000,"step":3}`},
		"batch100":  {"runs/log-batch", batchOf(100)},
		"batch1000": {"runs/log-batch", batchOf(1000)},
	} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b)
			b.SetBytes(int64(len(test.body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/api/2.0/mlflow/"+test.path, strings.NewReader(test.body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if f.handler.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	body := batchOf(1000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	f := newFixture(b)
	points := make([]*metadatav1.Metric, 25_000)
	for i := range points {
		points[i] = &metadatav1.Metric{Key: "loss", Value: 1 / float64(i+1), Timestamp: 1795995753000 + int64(i), Step: int64(i)}
	}
	f.tracking.answer = func(proto.Message) (proto.Message, error) {
		return &metadatav1.GetMetricHistoryResponse{Metrics: points}, nil
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "/api/2.0/mlflow/metrics/get-history?run_id=r&metric_key=loss&max_results=25000", nil)
		w := httptest.NewRecorder()
		if f.handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
