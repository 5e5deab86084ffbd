package pod

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

// processes is the host of this program: it runs containers as processes, and begins
// none that has begun before.
type processes struct {
	verdict string   // path of the file for it
	ready   string   // path of the file for that
	prober  []string // program for what this one cannot do
	out     io.Writer
}

// Begun implements Host: whatever ran, ended with its program.
func (processes) Begun(Container) bool { return false }

// Start implements Host.
func (processes) Start(c Container) (_ Process, code int, why string) {
	child, code, why := launch(c, c.Args)
	if child == nil {
		return nil, code, why
	}
	p := &process{pid: child.Pid, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.code = await(child)
	}()
	return p, 0, ""
}

// Do implements Host.
func (h processes) Do(a Action, of Container, within time.Duration) error {
	if address := a.encrypted(); address != "" {
		if len(h.prober) > 0 {
			return a.ask(h.prober, within)
		}
		a = Action{TCP: address}
	}
	return a.do(of, within)
}

// Ready implements Host.
func (h processes) Ready(c Container, ready bool) {
	if h.ready == "" {
		return
	}
	word := ""
	if ready {
		word = readyWord
	}
	if err := os.WriteFile(h.ready, []byte(word), 0o600); err != nil {
		h.Say(c.Name, err.Error())
	}
}

// Say implements Host: it writes a line to the log.
func (h processes) Say(container, sentence string) {
	_, _ = fmt.Fprintf(h.out, "kfmesh: container %s: %s\n", container, sentence) // a log that cannot be written is nobody's to hear of
}

// Judge implements Host.
func (h processes) Judge(v Verdict) error { return WriteVerdict(h.verdict, v) }

// process is a container that runs.
type process struct {
	pid   int
	ended chan struct{} // closed once code is known
	code  int           // 128 + signal when a signal ended it
}

// Ended implements Process.
func (p *process) Ended() <-chan struct{} { return p.ended }

// Code implements Process.
func (p *process) Code() int { return p.code }

// Started implements Process: it has just begun.
func (*process) Started() bool { return false }

// MarkStarted implements Process.
func (*process) MarkStarted() {}

// launch starts a program with the environment and working directory of a container, as
// the leader of a process group.
func launch(c Container, args []string) (child *os.Process, code int, why string) {
	spec := supervise.Spec{Args: args, Env: c.Env, WorkDir: c.WorkDir}
	program, err := supervise.LookPath(spec)
	if err == nil {
		child, err = os.StartProcess(program, args, &os.ProcAttr{
			Dir: c.WorkDir, Env: c.Env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setpgid: true},
		})
	}
	if err != nil {
		code, why = supervise.StartFailure(spec, err)
		return nil, code, why
	}
	return child, 0, ""
}

// await waits for a child and returns its exit status.
func await(child *os.Process) int {
	state, err := child.Wait()
	if err != nil {
		return 255
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// Stop implements Process: SIGTERM, and SIGKILL when grace is over.
func (p *process) Stop(grace time.Duration) {
	over := time.NewTimer(grace)
	defer over.Stop()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-over.C:
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// signal sends a signal to the process group, unless its leader has ended.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.pid, s) // which may have ended just now
	}
}
