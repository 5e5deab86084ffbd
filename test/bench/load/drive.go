package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// found is what a load came to.
type found struct {
	// Requests that were answered well.
	Requests int `json:"requests"`
	// Seconds from the first request to the last answer.
	Seconds float64 `json:"seconds"`
	// Milliseconds of a request: median and 95th percentile.
	Median float64 `json:"median_ms"`
	P95    float64 `json:"p95_ms"`
	// Bytes of all answers.
	Received int64 `json:"received"`
}

// client is one connection, kept open, and the run it logs to.
type client struct {
	http     *http.Client
	target   *target
	number   int
	run      string
	buffer   []byte
	sent     int
	took     []time.Duration
	received int64
}

// drive sends a kind of request from many clients at once.
func drive(t *target, kind string, clients, count int, lasts time.Duration) (*found, error) {
	send, ok := senders[kind]
	if !ok {
		return nil, fmt.Errorf("there is no kind %q; there are %s", kind, kinds())
	}
	all := make([]*client, clients)
	for i := range all {
		transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
		all[i] = &client{http: &http.Client{Transport: transport, Timeout: 5 * time.Minute}, target: t, number: i, run: t.run}
		if logs[kind] {
			if err := all[i].makeRun(); err != nil {
				return nil, err
			}
		}
	}
	return measure(all, send, count, lasts)
}

// measure lets the clients send until the count is reached or the time is over.
func measure(all []*client, send sender, count int, lasts time.Duration) (*found, error) {
	var tickets atomic.Int64
	errs := make([]error, len(all))
	began := time.Now()
	more := func() bool {
		if count > 0 {
			return tickets.Add(1) <= int64(count)
		}
		return time.Since(began) < lasts
	}
	var working sync.WaitGroup
	for i, c := range all {
		working.Go(func() {
			for errs[i] == nil && more() {
				errs[i] = c.timed(send)
			}
		})
	}
	working.Wait()
	return summary(all, time.Since(began)), errors.Join(errs...)
}

func (c *client) timed(send sender) error {
	began := time.Now()
	if err := send(c); err != nil {
		return err
	}
	c.took = append(c.took, time.Since(began))
	c.sent++
	return nil
}

func summary(all []*client, took time.Duration) *found {
	var times []time.Duration
	var received int64
	for _, c := range all {
		times = append(times, c.took...)
		received += c.received
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return times[int(float64(len(times)-1)*share)].Seconds() * 1000
	}
	return &found{Requests: len(times), Seconds: took.Seconds(), Median: at(0.5), P95: at(0.95), Received: received}
}

// do sends a request and reads all of its answer, which must be good.
func (c *client) do(request *http.Request) error {
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("%s %s: %s %s", request.Method, request.URL.Path, response.Status, said)
	}
	n, err := io.Copy(io.Discard, response.Body)
	c.received += n
	return err
}
