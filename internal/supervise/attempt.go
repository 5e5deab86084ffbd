package supervise

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// attempt is an epoch that a supervisor owns.
type attempt struct {
	id      uint64
	spec    Spec
	journal journal   // locked
	pid     int       // of the command; 0 when it could not be started
	pidfd   int       // -1 where the kernel has none
	exit    Exit      // as far as it is known
	kill    time.Time // when SIGKILL follows SIGTERM; zero unless it is being stopped
	finish  time.Time // when the command had ended; zero before
	look    time.Time // when its lease is next looked at; zero without one
	lease   Lease     // as it was when that was last done
	memory  time.Time // when it is next looked whether it has any left; zero without a limit
}

// begin claims an epoch and starts its command. It returns an attempt without
// a process when the command cannot be started.
func (s *supervisor) begin(o order) (*attempt, error) {
	j, err := claim(o.Spec.Journal, s.self, o.Spec.Group)
	if err != nil {
		return nil, err
	}
	a := &attempt{id: o.ID, spec: o.Spec, journal: j, pidfd: -1, exit: Exit{Start: time.Now()}}
	if !a.leased(a.exit.Start) {
		a.exit.Cause, a.finish = Fenced, a.exit.Start
		return a, nil
	}
	s.last.set(s.attempts, a) // before there is anything to end
	if a.pid, a.pidfd, err = s.start(o.Spec); err != nil {
		a.exit.Cause = Unstarted
		a.exit.Code, a.exit.Message = StartFailure(o.Spec, err)
		a.finish = time.Now()
		return a, nil
	}
	a.limited(a.exit.Start)
	_ = j.append(record{PID: a.pid}) // for readers only; the end is what must be written
	return a, nil
}

// due is how long nothing has to be done for the attempt unless it has news.
func (a *attempt) due(now time.Time) time.Duration {
	wait := lookAgain
	if a.pidfd < 0 {
		wait = lookWithoutPidfd
	}
	switch {
	case !a.finish.IsZero():
		wait = lookWhileKilling
	case !a.kill.IsZero():
		wait = min(wait, a.kill.Sub(now))
		if !a.look.IsZero() {
			wait = min(wait, a.look.Sub(now))
		}
	default:
		for _, at := range []time.Time{a.look, a.memory} {
			if !at.IsZero() {
				wait = min(wait, at.Sub(now))
			}
		}
		if a.spec.Deadline != 0 {
			wait = min(wait, a.spec.Deadline.Sub(boottime.Now()))
		}
	}
	return max(0, wait)
}

// enforce stops the command when its time is up, and kills it when its grace is.
func (a *attempt) enforce(now time.Time) {
	if a.finish.IsZero() && !a.leased(now) {
		a.fence(now)
	}
	a.mindMemory(now)
	if a.spec.Deadline != 0 && boottime.Now() >= a.spec.Deadline {
		a.stop(Deadline, now)
	}
	if !a.kill.IsZero() && !now.Before(a.kill) {
		a.killAll()
		a.kill = now.Add(lookAgain) // should it have a new child by then
	}
}

// leased reports whether the command may run as far as its lease goes, which it looks
// at when that would end by what it said last, and every lookAgain: a machine that
// slept has not counted the time. What was fenced stays so.
func (a *attempt) leased(now time.Time) bool {
	if a.spec.Lease == "" || now.Before(a.look) {
		return true
	}
	if a.exit.Cause == Fenced {
		return false
	}
	a.lease = ReadLease(a.spec.Lease)
	left := a.lease.Left(a.spec.Term, boottime.Now())
	a.look = now.Add(min(left, lookAgain))
	return left > 0
}

// fence ends the command at once: the same may soon be started elsewhere.
func (a *attempt) fence(now time.Time) {
	a.exit.Cause = Fenced
	a.killAll()
	a.look, a.kill = now.Add(lookWhileKilling), now.Add(lookAgain) // should it have a new child by then
}

// stop asks the command to end, unless that was done before or it has ended.
func (a *attempt) stop(why Cause, now time.Time) {
	if a.kill.IsZero() && a.finish.IsZero() {
		a.exit.Cause = why
		a.kill = now.Add(a.spec.Grace)
		_ = syscall.Kill(-a.pid, syscall.SIGTERM)
	}
}

// wantsStop reports whether the journal asks for the command to be stopped.
func wantsStop(a *attempt) bool {
	r, _, err := readJournal(a.spec.Journal)
	return err == nil && r.Stop
}

// reap takes the status of a command that has ended. Until then it is a zombie,
// so that its number, which names its process group and its session, is not
// another's while its epoch goes on.
func (a *attempt) reap() {
	var status syscall.WaitStatus
	_, err := syscall.Wait4(a.pid, &status, 0, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(a.pid, &status, 0, nil)
	}
	a.exit.Code = status.ExitStatus()
	if status.Signaled() {
		a.exit.Signal = int(status.Signal())
		a.exit.Code = 128 + a.exit.Signal
	}
	if a.pidfd >= 0 {
		_ = unix.Close(a.pidfd)
	}
}

// close writes how it ended and lets go of the epoch.
func (a *attempt) close() error {
	a.account()
	err := a.journal.append(record{Exit: &a.exit})
	return errors.Join(err, a.journal.unlock(), a.journal.close())
}
