package supervise

import (
	"syscall"
	"time"
)

// groupError is why a control group could not be made.
type groupError struct{ error }

// startInGroup starts a command in its control group, which has been made.
func startInGroup(spec Spec, null int) (pid, pidfd int, err error) {
	dir, err := spec.Group.Open()
	if err != nil {
		err = &groupError{err}
	} else {
		pid, pidfd, err = start(spec, null, dir) // what it has of version 1 the program enters
		_ = dir.Close()
	}
	if err != nil {
		_ = spec.Group.Remove() // else it is swept some time
	}
	return pid, pidfd, err
}

// killAll sends SIGKILL to the command and whatever is in its control group.
func (a *attempt) killAll() {
	_ = syscall.Kill(-a.pid, syscall.SIGKILL)
	if a.spec.Group != nil {
		a.spec.Group.Kill()
	}
}

// limited begins to look after the memory of a command that has a limit.
func (a *attempt) limited(now time.Time) {
	if a.spec.Group != nil && a.spec.Group.Limits.MemoryBytes > 0 {
		a.memory = now.Add(lookAgain)
	}
}

// mindMemory ends a command as a whole when the kernel has killed a part of it for want
// of memory: the rest would wait for it. Version 2 does so by itself.
func (a *attempt) mindMemory(now time.Time) {
	if a.memory.IsZero() || now.Before(a.memory) || !a.finish.IsZero() {
		return
	}
	a.memory = now.Add(lookAgain)
	if a.spec.Group.OOMKills() > 0 && a.kill.IsZero() {
		a.exit.Cause = OutOfMemory
		a.killAll()
		a.kill = now.Add(lookAgain) // should it have a new child by then
	}
}

// straggling ends what is left in the control group of a command that has ended, and
// returns how much that is.
func (a *attempt) straggling() int {
	if a.spec.Group == nil {
		return 0
	}
	left := 0
	for _, pid := range a.spec.Group.PIDs() {
		if pid != a.pid { // of some kernels it lists those that have ended
			_ = syscall.Kill(pid, syscall.SIGKILL)
			left++
		}
	}
	return left
}

// account notes what the command used, when that is limited.
func (a *attempt) account() {
	g := a.spec.Group
	if g == nil || g.Limits.MemoryBytes == 0 || a.pid == 0 {
		return
	}
	a.exit.Memory = &Memory{LimitBytes: g.Limits.MemoryBytes, PeakBytes: g.PeakBytes(), Kills: g.OOMKills()}
	if a.exit.Memory.Kills > 0 && a.exit.Cause == Ended && a.exit.Code != 0 {
		a.exit.Cause = OutOfMemory
	}
}

// disband removes the control group. One that cannot be removed is swept later.
func (a *attempt) disband() {
	if a.spec.Group != nil {
		_ = a.spec.Group.Remove()
	}
}
