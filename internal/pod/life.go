package pod

import (
	"fmt"
	"slices"
	"time"
)

// Reasons in verdicts.
const (
	reasonInit  = "InitContainerFailed"
	reasonProbe = "ProbeFailed"
	reasonHook  = "PostStartHookError"
	reasonStart = "StartFailed"
)

// Times and statuses of a life.
const (
	CodeStopped  = 143 // 128 + SIGTERM: of a pod that was stopped before its command began, or for what it did
	firstBackoff = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// life is one run of a pod.
type life struct {
	host   Host
	plan   Plan
	stop   <-chan struct{} // closed when the pod is to end
	beside []*companion    // in the order of their start
}

// Run leads the life of a pod and returns its exit status. It ends the pod when stop is
// closed. With a host that has run a part of it before it goes on from there.
func Run(host Host, plan Plan, stop <-chan struct{}) int {
	l := &life{host: host, plan: plan, stop: stop}
	return l.run()
}

// run returns the exit status of the pod.
func (l *life) run() int {
	code := 0
	if l.host.Begun(l.plan.Main) {
		l.again()
	} else {
		code = l.before()
	}
	if code == 0 {
		for _, c := range l.plan.Beside {
			l.accompany(c)
		}
		code = l.main()
	}
	for _, c := range slices.Backward(l.beside) {
		c.end()
	}
	return code
}

func (l *life) stopping() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// again takes up the sidecars of a pod whose init containers have done their work.
func (l *life) again() {
	for _, c := range l.plan.Init {
		if c.Restart == Always {
			l.accompany(c)
		}
	}
}

// before runs the init containers. It returns the exit status of the one that failed.
func (l *life) before() int {
	for _, c := range l.plan.Init {
		if l.stopping() && !l.host.Begun(c) {
			return CodeStopped
		}
		if c.Restart == Always {
			select {
			case <-l.accompany(c).started:
			case <-l.stop:
				return CodeStopped
			}
			continue
		}
		code, why := l.once(c)
		if code == 0 {
			continue
		}
		if l.stopping() {
			return CodeStopped
		}
		if why == "" {
			why = fmt.Sprintf("exit status %d", code)
		}
		l.judge(reasonInit, fmt.Sprintf("init container %s failed: %s", c.Name, why))
		return code
	}
	if l.stopping() {
		return CodeStopped
	}
	return 0
}

// once runs a container to its end, or until the pod is to stop.
func (l *life) once(c Container) (code int, why string) {
	p, code, why := l.host.Start(c)
	if p == nil {
		return code, why
	}
	select {
	case <-p.Ended():
	case <-l.stop:
		l.terminate(p, c)
	}
	return p.Code(), ""
}

// main runs the container that counts.
func (l *life) main() int {
	p, code, why := l.host.Start(l.plan.Main)
	if p == nil {
		l.judge(reasonStart, why)
		return code
	}
	w := watch(l.host, p, l.plan.Main)
	defer w.end()
	select {
	case <-p.Ended():
	case <-l.stop:
		w.end()
		l.terminate(p, l.plan.Main)
	case f := <-w.failed:
		l.judge(f.Reason, f.Message)
		l.terminateWithin(p, l.plan.Main, f.grace)
		if p.Code() == 0 { // it was healthy enough to end well, and is to count as what it was
			return CodeStopped
		}
	}
	return p.Code()
}

// terminate stops a container: its hook, SIGTERM, and SIGKILL when grace is over. It
// returns when that has ended.
func (l *life) terminate(p Process, c Container) { l.terminateWithin(p, c, 0) }

// terminateWithin does it within a grace of its own, unless that is 0.
func (l *life) terminateWithin(p Process, c Container, grace time.Duration) {
	if grace <= 0 {
		grace = l.plan.Grace
	}
	until := time.Now().Add(grace)
	if c.PreStop != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = l.host.Do(*c.PreStop, c, grace) // as in Kubernetes, a hook that fails hinders nothing
		}()
		over := time.NewTimer(grace)
		defer over.Stop()
		select {
		case <-done:
		case <-p.Ended():
			return
		case <-over.C:
		}
	}
	p.Stop(max(0, time.Until(until)))
}

// judge leaves word on why the pod failed.
func (l *life) judge(reason, message string) {
	l.host.Say(l.plan.Main.Name, message)
	if err := l.host.Judge(Verdict{Reason: reason, Message: message}); err != nil {
		l.host.Say(l.plan.Main.Name, err.Error())
	}
}

// companion is a container that runs beside the one that counts.
type companion struct {
	started chan struct{} // closed once its startup probe has succeeded, or it will not be started any more
	ending  chan struct{} // closed when it is to end
	ended   chan struct{} // closed when it has
}

// end stops a companion for good.
func (c *companion) end() {
	close(c.ending)
	<-c.ended
}

// accompany starts a companion and keeps it running.
func (l *life) accompany(c Container) *companion {
	made := &companion{started: make(chan struct{}), ending: make(chan struct{}), ended: make(chan struct{})}
	l.beside = append(l.beside, made)
	go func() {
		defer close(made.ended)
		l.keep(c, made)
	}()
	return made
}

// keep runs a companion until it is to end, or has ended and is not started again.
func (l *life) keep(c Container, of *companion) {
	ready := false
	begun := func() {
		if !ready {
			ready = true
			close(of.started)
		}
	}
	defer begun()
	for pause := firstBackoff; ; pause = min(2*pause, longestPause) {
		code, stopped := l.attend(c, of, begun)
		if stopped || c.Restart == Never || c.Restart == OnFailure && code == 0 {
			return
		}
		l.host.Say(c.Name, fmt.Sprintf("ended with exit status %d and is started again in %s", code, pause))
		select {
		case <-time.After(pause):
		case <-of.ending:
			return
		}
	}
}

// attend runs a companion once. It reports whether it was told to stop.
func (l *life) attend(c Container, of *companion, begun func()) (code int, stopped bool) {
	p, code, why := l.host.Start(c)
	if p == nil {
		l.host.Say(c.Name, why)
		return code, false
	}
	w := watch(l.host, p, c)
	defer w.end()
	started := w.started
	for {
		select {
		case <-started:
			begun()
			started = nil
		case <-p.Ended():
			return p.Code(), false
		case f := <-w.failed:
			l.host.Say(c.Name, f.Message)
			l.terminateWithin(p, c, f.grace)
			return p.Code(), false
		case <-of.ending:
			w.end()
			l.terminate(p, c)
			return p.Code(), true
		}
	}
}
