package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// start starts the command, in the quicker way if it can be had, and in its control group.
func (s *supervisor) start(spec Spec) (pid, pidfd int, err error) {
	if spec.Group != nil {
		if err := spec.Group.Make(); err != nil {
			return 0, -1, &groupError{err}
		}
	}
	pid, pidfd, forked := s.fork(spec)
	switch {
	case forked:
		return pid, pidfd, nil
	case spec.Group != nil:
		return startInGroup(spec, s.null)
	}
	return start(spec, s.null, nil)
}

// start runs the command as the leader of a new session, with its output in the
// log and, when it is not nil, in the control group of a directory. It returns its
// process id, and a pidfd where the kernel has those.
func start(spec Spec, null int, group *os.File) (pid, pidfd int, err error) {
	program, err := LookPath(spec)
	if err != nil {
		return 0, -1, err
	}
	log, err := openLog(spec)
	if err != nil {
		return 0, -1, err
	}
	defer func() { _ = unix.Close(log) }()
	pidfd = -1
	pid, err = syscall.ForkExec(program, spec.Args, &syscall.ProcAttr{
		Dir:   spec.WorkDir,
		Env:   environment(spec),
		Files: []uintptr{uintptr(null), uintptr(log), uintptr(log)},
		Sys:   attributes(spec, &pidfd, group),
	})
	return pid, pidfd, err
}
