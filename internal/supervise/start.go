package supervise

import (
	"os"
	"slices"
	"syscall"
)

// start runs the command as the leader of a new session, with its output in the
// log. It returns its process id, and a pidfd where the kernel has those.
func start(spec Spec, null *os.File) (pid, pidfd int, err error) {
	program, err := lookPath(spec)
	if err != nil {
		return 0, -1, err
	}
	log, err := os.OpenFile(spec.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return 0, -1, err
	}
	defer func() { _ = log.Close() }()
	pidfd = -1
	pid, err = syscall.ForkExec(program, spec.Args, &syscall.ProcAttr{
		Dir:   spec.WorkDir,
		Env:   lastWins(append(slices.Clip(spec.Env), EpochVariable+"="+spec.Journal)),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   attributes(spec, &pidfd),
	})
	return pid, pidfd, err
}
