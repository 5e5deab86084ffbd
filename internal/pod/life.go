package pod

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Reasons in verdicts.
const (
	reasonInit    = "InitContainerFailed"
	reasonProbe   = "ProbeFailed"
	reasonHook    = "PostStartHookError"
	reasonStart   = "StartFailed"
	codeStopped   = 143 // 128 + SIGTERM
	firstBackoff  = 100 * time.Millisecond
	longestPause  = 30 * time.Second
	forwardsWords = "kfmesh: container %s: %s\n"
)

// life is one run of a pod.
type life struct {
	plan   Plan
	stop   <-chan struct{} // closed when the pod is to end
	out    io.Writer
	beside []*companion // in the order of their start
}

// run returns the exit status of the pod.
func (l *life) run() int {
	code := l.before()
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

// before runs the init containers. It returns the exit status of the one that failed.
func (l *life) before() int {
	for _, c := range l.plan.Init {
		if l.stopping() {
			return codeStopped
		}
		if c.Restart == Always {
			select {
			case <-l.accompany(c).started:
			case <-l.stop:
				return codeStopped
			}
			continue
		}
		code, why := l.once(c)
		if code == 0 {
			continue
		}
		if l.stopping() {
			return codeStopped
		}
		if why == "" {
			why = fmt.Sprintf("exit status %d", code)
		}
		l.judge(reasonInit, fmt.Sprintf("init container %s failed: %s", c.Name, why))
		return code
	}
	if l.stopping() {
		return codeStopped
	}
	return 0
}

// once runs a container to its end, or until the pod is to stop.
func (l *life) once(c Container) (code int, why string) {
	p, code, why := start(c)
	if p == nil {
		return code, why
	}
	select {
	case <-p.ended:
	case <-l.stop:
		p.terminate(l.plan.Grace)
	}
	return p.code, ""
}

// main runs the container that counts.
func (l *life) main() int {
	p, code, why := start(l.plan.Main)
	if p == nil {
		l.judge(reasonStart, why)
		return code
	}
	w := watch(p)
	defer w.end()
	select {
	case <-p.ended:
	case <-l.stop:
		w.end()
		p.terminate(l.plan.Grace)
	case f := <-w.failed:
		l.say(l.plan.Main.Name, f.Message)
		p.terminate(l.plan.Grace)
		l.judge(f.Reason, f.Message)
		if p.code == 0 { // it was healthy enough to end well, and is to count as what it was
			return codeStopped
		}
	}
	return p.code
}

// judge leaves word on why the pod failed.
func (l *life) judge(reason, message string) {
	l.say(l.plan.Main.Name, message)
	data, err := json.Marshal(Verdict{Reason: reason, Message: message})
	if err == nil {
		err = os.WriteFile(l.plan.Verdict, data, 0o600)
	}
	if err != nil {
		l.say(l.plan.Main.Name, err.Error())
	}
}

// say writes a line to the log.
func (l *life) say(container, sentence string) {
	_, _ = fmt.Fprintf(l.out, forwardsWords, container, sentence) // a log that cannot be written is nobody's to hear of
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
		l.say(c.Name, fmt.Sprintf("ended with exit status %d and is started again in %s", code, pause))
		select {
		case <-time.After(pause):
		case <-of.ending:
			return
		}
	}
}

// attend runs a companion once. It reports whether it was told to stop.
func (l *life) attend(c Container, of *companion, begun func()) (code int, stopped bool) {
	p, code, why := start(c)
	if p == nil {
		l.say(c.Name, why)
		return code, false
	}
	w := watch(p)
	defer w.end()
	started := w.started
	for {
		select {
		case <-started:
			begun()
			started = nil
		case <-p.ended:
			return p.code, false
		case f := <-w.failed:
			l.say(c.Name, f.Message)
			p.terminate(l.plan.Grace)
			return p.code, false
		case <-of.ending:
			w.end()
			p.terminate(l.plan.Grace)
			return p.code, true
		}
	}
}
