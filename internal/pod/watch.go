package pod

import (
	"fmt"
	"sync"
	"time"
)

// watcher asks the probes of a container.
type watcher struct {
	of      *process
	started chan struct{} // closed once it has started, as far as its probe knows
	failed  chan Verdict  // holds why it is to be stopped
	over    chan struct{}
	end     func() // ends the watch; may be repeated
}

// watch runs the hook of a container that has begun and asks its probes until end is
// called or it has ended.
func watch(p *process) *watcher {
	w := &watcher{of: p, started: make(chan struct{}), failed: make(chan Verdict, 1), over: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.over) })
	c := p.of
	if c.PostStart == nil && c.Startup == nil && c.Liveness == nil {
		close(w.started)
		return w
	}
	go w.run()
	return w
}

func (w *watcher) run() {
	c := w.of.of
	if c.PostStart != nil {
		if err := c.PostStart.do(c, 0); err != nil {
			w.failed <- Verdict{Reason: reasonHook, Message: fmt.Sprintf("the postStart hook of container %s failed: %v", c.Name, err)}
			return
		}
	}
	if c.Startup != nil {
		if !w.pause(c.Startup.InitialDelay) || !w.begins() {
			return
		}
	}
	close(w.started)
	if c.Liveness != nil && w.pause(c.Liveness.InitialDelay) {
		w.lives()
	}
}

// begins asks the startup probe until it succeeds, or has failed for good.
func (w *watcher) begins() bool {
	probe := w.of.of.Startup
	for failures := 0; ; {
		err := probe.Action.do(w.of.of, probe.Timeout)
		if err == nil {
			return true
		}
		if failures++; failures >= probe.Failures {
			w.fail("startup", failures, err)
			return false
		}
		if !w.pause(probe.Period) {
			return false
		}
	}
}

// lives asks the liveness probe until it has failed for good.
func (w *watcher) lives() {
	probe := w.of.of.Liveness
	for failures := 0; ; {
		err := probe.Action.do(w.of.of, probe.Timeout)
		if err == nil {
			failures = 0
		} else if failures++; failures >= probe.Failures {
			w.fail("liveness", failures, err)
			return
		}
		if !w.pause(probe.Period) {
			return
		}
	}
}

func (w *watcher) fail(probe string, times int, err error) {
	w.failed <- Verdict{
		Reason:  reasonProbe,
		Message: fmt.Sprintf("the %s probe of container %s failed %d times in a row: %v", probe, w.of.of.Name, times, err),
	}
}

// pause waits, and reports whether the watch goes on.
func (w *watcher) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.over:
		return false
	case <-w.of.ended:
		return false
	}
}
