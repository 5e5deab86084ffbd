package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit statuses of a supervisor. They are for logs only: the truth is on disk.
const (
	statusDone   = 0 // the command ended and the journal says how
	statusFailed = 1 // the supervisor could not do its work
	statusTaken  = 3 // the epoch has another owner; nothing was started
)

// Main is the whole supervisor program: it reads a Spec from in, runs it to its
// end, says on out how it ended for an agent that still listens, and returns the
// status to exit with. It must be called from the main goroutine, whose thread the
// command's life is tied to.
func Main(in io.Reader, out, errOut io.Writer) int {
	runtime.LockOSThread()
	var spec Spec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: the spec on standard input cannot be read: %v\n", err)
		return statusFailed
	}
	exit, err := run(spec)
	switch {
	case errors.Is(err, fs.ErrExist):
		return statusTaken
	case err != nil:
		_, _ = fmt.Fprintf(errOut, "kfmesh-supervisor: %v\n", err)
		return statusFailed
	}
	_ = json.NewEncoder(out).Encode(exit) // nobody may be there to hear it
	return statusDone
}

// run owns the epoch from claim to exit record.
func run(spec Spec) (Exit, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return Exit{}, fmt.Errorf("become subreaper: %w", err)
	}
	journal, err := claim(spec.Journal, owner{PID: os.Getpid(), BootID: bootID()})
	if err != nil {
		return Exit{}, err
	}
	defer func() { _ = journal.Close() }()

	exit := Exit{Start: time.Now()}
	stops := make(chan os.Signal, 1)
	pid, err := start(spec)
	if err != nil {
		exit.Cause = Unstarted
		exit.Code, exit.Message = startFailure(spec, err)
		err = nil
	} else {
		signal.Notify(stops, syscall.SIGTERM, syscall.SIGINT) // takes a while, so not before the command runs
		err = appendRecord(journal, record{PID: pid})         // from now on a stop is heard
		exit.Code, exit.Signal, exit.Cause = watch(spec, pid, stops)
		sweep(pid)
	}
	exit.Finish = time.Now()
	return exit, errors.Join(err, appendRecord(journal, record{Exit: &exit}))
}

// start runs the command as the leader of a new process group, with its output
// in the log.
func start(spec Spec) (int, error) {
	program, err := lookPath(spec)
	if err != nil {
		return 0, err
	}
	log, err := os.OpenFile(spec.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	return syscall.ForkExec(program, spec.Args, &syscall.ProcAttr{
		Dir:   spec.WorkDir,
		Env:   lastWins(spec.Env),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   attributes(spec),
	})
}

// watch waits for the command to end and has it stopped when that is asked for or
// when its time is up. The wait is this goroutine's, so that nothing is between
// the end of the command and the word of it.
func watch(spec Spec, pid int, stops <-chan os.Signal) (code, sig int, cause Cause) {
	ended := make(chan struct{})
	causes := make(chan Cause)
	go func() { causes <- stopInTime(spec, pid, stops, ended) }()
	status := reapUntil(pid)
	close(ended)
	cause = <-causes
	if status.Signaled() {
		return 128 + int(status.Signal()), int(status.Signal()), cause
	}
	return status.ExitStatus(), 0, cause
}

// stopInTime stops the command's process group at the first of a stop and the
// deadline, and returns which it was once the command has ended.
func stopInTime(spec Spec, pid int, stops <-chan os.Signal, ended <-chan struct{}) Cause {
	var deadline, kill <-chan time.Time
	if !spec.Deadline.IsZero() {
		deadline = time.After(time.Until(spec.Deadline))
	}
	cause := Ended
	stop := func(why Cause) {
		if cause == Ended {
			cause = why
			kill = time.After(spec.Grace)
			_ = syscall.Kill(-pid, syscall.SIGTERM)
		}
	}
	for {
		select {
		case <-ended:
			return cause
		case <-stops:
			stop(Stopped)
		case <-deadline:
			stop(Deadline)
		case <-kill:
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

// reapUntil collects children, adopted ones too, until pid has ended.
func reapUntil(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return syscall.WaitStatus(statusFailed << 8) // cannot be: only we reap our children
		}
		if err == nil && got == pid {
			return status
		}
	}
}
