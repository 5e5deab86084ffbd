package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// probeTimeout bounds one check.
const probeTimeout = 2 * time.Second

// lookReady is how often it is looked what a pod says of its readiness.
const lookReady = 200 * time.Millisecond

// probe checks, until the returned function is called, whether a replica is
// ready, and notes when that changes.
func (r *replica) probe(ctx context.Context, attempt runtime.Attempt) (end func()) {
	p := r.template.GetReadinessProbe()
	if p == nil {
		return func() {}
	}
	check, period := r.check, time.Second
	if p.GetPeriod() != nil {
		period = max(p.GetPeriod().AsDuration(), 10*time.Millisecond)
	}
	if p.GetHandler() != nil {
		pod, ok := attempt.(runtime.Readier)
		if !ok {
			return func() {}
		}
		check, period = func(context.Context, *gpuagentv1.Probe) bool { return pod.Ready() }, lookReady
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.probeUntil(ctx, period, func() bool { return check(ctx, p) })
	}()
	return func() {
		cancel()
		<-done
	}
}

func (r *replica) probeUntil(ctx context.Context, period time.Duration, check func() bool) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	ready := false
	for {
		if now := check(); now != ready && ctx.Err() == nil {
			ready = now
			r.life.update(func(s *gpuagentv1.WorkloadStatus) { s.GetReplicas()[r.position].Ready = now })
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check asks once.
func (r *replica) check(ctx context.Context, p *gpuagentv1.Probe) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	address := fmt.Sprintf("%s:%d", loopback, r.status.GetPorts()[p.GetPort()])
	if p.GetHttpGetPath() == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+p.GetHttpGetPath(), nil)
	if err != nil {
		return false
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}
