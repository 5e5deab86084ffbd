package supervise

import (
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// start runs the command as the leader of a new session, with its output in the
// log and, when it is not nil, in the control group of a directory. It returns its
// process id, and a pidfd where the kernel has those.
func start(spec Spec, null int, group *os.File) (pid, pidfd int, err error) {
	program, err := lookPath(spec)
	if err != nil {
		return 0, -1, err
	}
	log, err := unix.Open(spec.Log, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return 0, -1, &fs.PathError{Op: "open", Path: spec.Log, Err: err}
	}
	defer func() { _ = unix.Close(log) }()
	pidfd = -1
	pid, err = syscall.ForkExec(program, spec.Args, &syscall.ProcAttr{
		Dir:   spec.WorkDir,
		Env:   lastWins(append(slices.Clip(spec.Env), EpochVariable+"="+spec.Journal)),
		Files: []uintptr{uintptr(null), uintptr(log), uintptr(log)},
		Sys:   attributes(spec, &pidfd, group),
	})
	return pid, pidfd, err
}
