package pod

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// watcher asks the probes of a container.
type watcher struct {
	host    Host
	process Process
	of      Container
	started chan struct{} // closed once it has started, as far as its probe knows
	failed  chan failure  // holds why it is to be stopped
	over    chan struct{}
	end     func() // ends the watch; may be repeated
}

// failure is why a container is to be stopped, and how long it may take; 0 means as long as
// usual.
type failure struct {
	Verdict
	grace time.Duration
}

// watch runs the hook of a container that has begun and asks its probes until end is
// called or it has ended.
func watch(host Host, p Process, c Container) *watcher {
	w := &watcher{host: host, process: p, of: c, started: make(chan struct{}), failed: make(chan failure, 1), over: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.over) })
	if c.PostStart == nil && c.Startup == nil && c.Liveness == nil && c.Readiness == nil {
		close(w.started)
		return w
	}
	go w.run()
	return w
}

func (w *watcher) run() {
	if !w.process.Started() && !w.starts() {
		return
	}
	close(w.started)
	if w.of.Readiness != nil {
		go w.readies()
	}
	if w.of.Liveness != nil && w.pause(w.of.Liveness.InitialDelay) {
		w.lives()
	}
}

// starts runs the hook and asks the startup probe, and reports whether the container has
// started with that.
func (w *watcher) starts() bool {
	c := w.of
	if c.PostStart != nil {
		err := w.host.Do(*c.PostStart, c, 0)
		if errors.Is(err, ErrEnded) {
			return false
		}
		if err != nil {
			w.failed <- failure{Verdict: Verdict{Reason: reasonHook, Message: fmt.Sprintf("the postStart hook of container %s failed: %v", c.Name, err)}}
			return false
		}
	}
	if c.Startup != nil && (!w.pause(c.Startup.InitialDelay) || !w.begins()) {
		return false
	}
	w.process.MarkStarted()
	return true
}

// begins asks the startup probe until it succeeds, or has failed for good.
func (w *watcher) begins() bool {
	probe := w.of.Startup
	for failures := 0; ; {
		err := w.host.Do(probe.Action, w.of, probe.Timeout)
		if err == nil {
			return true
		}
		if errors.Is(err, ErrEnded) {
			return false
		}
		if failures++; failures >= probe.Failures {
			w.fail("startup", probe, err)
			return false
		}
		if !w.pause(probe.Period) {
			return false
		}
	}
}

// lives asks the liveness probe until it has failed for good.
func (w *watcher) lives() {
	probe := w.of.Liveness
	for failures := 0; ; {
		err := w.host.Do(probe.Action, w.of, probe.Timeout)
		if errors.Is(err, ErrEnded) {
			return
		}
		if err == nil {
			failures = 0
		} else if failures++; failures >= probe.Failures {
			w.fail("liveness", probe, err)
			return
		}
		if !w.pause(probe.Period) {
			return
		}
	}
}

// readies asks the readiness probe and passes on what it comes to, until the watch ends.
func (w *watcher) readies() {
	probe := w.of.Readiness
	if !w.pause(probe.InitialDelay) {
		return
	}
	t := tally{probe: probe}
	for {
		err := w.host.Do(probe.Action, w.of, probe.Timeout)
		if errors.Is(err, ErrEnded) {
			return
		}
		if changed := t.count(err == nil); changed {
			w.host.Ready(w.of, t.ready)
		}
		if !w.pause(probe.Period) {
			return
		}
	}
}

func (w *watcher) fail(name string, probe *Probe, err error) {
	w.failed <- failure{grace: probe.Grace, Verdict: Verdict{
		Reason:  reasonProbe,
		Message: fmt.Sprintf("the %s probe of container %s failed %d times in a row: %v", name, w.of.Name, probe.Failures, err),
	}}
}

// pause waits, and reports whether the watch goes on.
func (w *watcher) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.over:
		return false
	case <-w.process.Ended():
		return false
	}
}
