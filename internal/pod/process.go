package pod

import (
	"os"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

// process is a container that runs.
type process struct {
	of    Container
	pid   int
	ended chan struct{} // closed once code is known
	code  int           // 128 + signal when a signal ended it
}

// start starts a container. Where that cannot be it returns nil, an exit status as
// shells have it, and a sentence.
func start(c Container) (_ *process, code int, why string) {
	child, code, why := launch(c, c.Args)
	if child == nil {
		return nil, code, why
	}
	p := &process{of: c, pid: child.Pid, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.code = await(child)
	}()
	return p, 0, ""
}

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

// terminate stops a container: its hook, SIGTERM, and SIGKILL when grace is over. It
// returns when that has ended.
func (p *process) terminate(grace time.Duration) {
	over := time.NewTimer(grace)
	defer over.Stop()
	if hook := p.of.PreStop; hook != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = hook.do(p.of, grace) // as in Kubernetes, a hook that fails hinders nothing
		}()
		select {
		case <-done:
		case <-p.ended:
			return
		case <-over.C:
			p.signal(syscall.SIGKILL)
			<-p.ended
			return
		}
	}
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
