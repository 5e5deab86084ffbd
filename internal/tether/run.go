package tether

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// lookAgain is how often the lease and the clock are looked at: a machine that slept has
// not counted the time, and clocks are set.
const lookAgain = time.Second

// wordFor is how long it may take to leave word of the end. Nothing of the command runs by then.
const wordFor = time.Second

// tether is one command and what its life is tied to. It belongs to one goroutine.
type tether struct {
	plan    Plan
	errOut  io.Writer
	signals chan os.Signal

	pid  int
	told time.Time // when the command was first asked to end; zero before
	end  *End      // nil unless it is the tether that ends it
}

// run starts the command and returns its exit status.
func (t *tether) run(args []string) int {
	if why := t.foreign(); why != "" {
		return t.unstarted(supervise.CodeNotExecutable, why)
	}
	if t.left() <= 0 {
		t.end = &End{Cause: supervise.Fenced}
		return t.word(codeKilled)
	}
	spec := supervise.Spec{Args: args, Env: os.Environ()}
	program, err := supervise.LookPath(spec)
	if err == nil {
		t.pid, err = syscall.ForkExec(program, args, &syscall.ProcAttr{
			Env: spec.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
		})
	}
	if err != nil {
		return t.unstarted(supervise.StartFailure(spec, err))
	}
	return t.attend(t.reap())
}

// attend waits for the end of the command, or brings it about.
func (t *tether) attend(ended <-chan int) int {
	for {
		look := time.NewTimer(t.due())
		select {
		case code := <-ended:
			look.Stop()
			return t.word(code)
		case s := <-t.signals:
			t.pass(s)
		case <-look.C:
		}
		look.Stop()
		if t.left() <= 0 {
			t.end = &End{Cause: supervise.Fenced}
			t.killAll()
			return t.word(codeKilled)
		}
		if t.late() {
			t.killAll()
			return t.word(codeKilled)
		}
	}
}

// left is for how long the lease lets the command run.
func (t *tether) left() time.Duration {
	if t.plan.Lease == "" {
		return lookAgain
	}
	return supervise.ReadLease(t.plan.Lease).Left(t.plan.Term, boottime.Now())
}

// due is when it is to be looked round again.
func (t *tether) due() time.Duration {
	wait := min(lookAgain, t.left())
	switch {
	case !t.told.IsZero() && t.end != nil:
		wait = min(wait, time.Until(t.told.Add(t.plan.Grace)))
	case !t.plan.Deadline.IsZero() && t.told.IsZero():
		wait = min(wait, time.Until(t.plan.Deadline))
	}
	return max(0, wait)
}

// late asks the command to end when its deadline has passed, unless somebody did before, and
// reports whether it has had its grace since.
func (t *tether) late() bool {
	now := time.Now()
	if t.plan.Deadline.IsZero() || now.Before(t.plan.Deadline) {
		return false
	}
	if t.told.IsZero() {
		t.pass(syscall.SIGTERM)
	}
	t.end = &End{Cause: supervise.Deadline}
	return !now.Before(t.told.Add(t.plan.Grace))
}

// pass passes a signal on, but those that were meant for this program.
func (t *tether) pass(s os.Signal) {
	number, ok := s.(syscall.Signal)
	if !ok || number == syscall.SIGCHLD || number == syscall.SIGURG || number == syscall.SIGPIPE {
		return
	}
	if t.told.IsZero() && (number == syscall.SIGTERM || number == syscall.SIGINT || number == syscall.SIGQUIT) {
		t.told = time.Now()
	}
	_ = syscall.Kill(t.pid, number) // which may have ended just now
}

// killAll kills everything that is not this program. Of what it must not kill itself, the
// kernel takes care when process 1 ends.
func (t *tether) killAll() {
	_ = syscall.Kill(-t.pid, syscall.SIGKILL)
	if os.Getpid() == 1 { // of a container: never of a machine that it merely runs on
		_ = syscall.Kill(-1, syscall.SIGKILL)
	}
}

// reap tells the exit status of the command, and takes those of orphans, which are
// process 1's to take.
func (t *tether) reap() <-chan int {
	ended := make(chan int, 1)
	go func() {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, 0, nil)
			switch {
			case errors.Is(err, syscall.EINTR):
			case err != nil: // no child is left, and the command was one
				return
			case pid == t.pid && status.Signaled():
				ended <- 128 + int(status.Signal())
				return
			case pid == t.pid:
				ended <- status.ExitStatus()
				return
			}
		}
	}()
	return ended
}

// foreign says why the lease cannot be kept here; empty where it can.
func (t *tether) foreign() string {
	if t.plan.Lease == "" || t.plan.Machine == boottime.ID() {
		return ""
	}
	return "its container has a kernel of its own, whose clock is not that of its node's lease: " +
		"have the engine run containers with runc or crun, or have the node run processes (--runtime process)"
}

// unstarted says why the command was not started, to whoever reads the log too.
func (t *tether) unstarted(code int, why string) int {
	_, _ = fmt.Fprintln(t.errOut, "kfmesh: "+why)
	t.end = &End{Cause: supervise.Unstarted, Message: why}
	return t.word(code)
}

// word leaves word of what the tether did and returns the exit status. A disk that hangs
// keeps nothing alive.
func (t *tether) word(code int) int {
	if t.end == nil || t.plan.End == "" {
		return code
	}
	done := make(chan error, 1)
	go func() {
		data, err := json.Marshal(t.end)
		if err == nil {
			err = os.WriteFile(t.plan.End, data, 0o600)
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			_, _ = fmt.Fprintf(t.errOut, "kfmesh: why the container ended cannot be noted: %v\n", err)
		}
	case <-time.After(wordFor):
	}
	return code
}
