package supervise

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// lastResort is a timer of the kernel's that kills this supervisor, and its commands with
// it, unless it is set anew in time. It is for a supervisor that stands still, as one that
// was sent SIGSTOP does: it cannot keep to a lease, but SIGKILL does not ask it.
type lastResort struct {
	made  bool
	timer int32
	at    boottime.Instant // when it is due; 0 while it is not
}

// set has the timer run out when commands must end whose leases were not looked at again:
// those that run, and one that is about to. Where the kernel has no such timer there is none.
func (r *lastResort) set(running map[int]*attempt, next ...*attempt) {
	at := boottime.Instant(0)
	sooner := func(a *attempt) {
		if a.spec.Lease == "" || !a.finish.IsZero() || a.exit.Cause == Fenced {
			return
		}
		if due := a.lease.LastResort(); at == 0 || due < at {
			at = due
		}
	}
	for _, a := range running {
		sooner(a)
	}
	for _, a := range next {
		sooner(a)
	}
	if at == r.at || at != 0 && !r.make() {
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(at))} // zero disarms it
	_, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(r.timer), unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno == 0 {
		r.at = at
	}
}

// sigevent is struct sigevent of sigevent(3type), which is of 64 bytes.
type sigevent struct {
	_      uint64 // value
	signal int32
	notify int32 // 0 is SIGEV_SIGNAL
	_      [48]byte
}

// make makes the timer, once, and reports whether there is one.
func (r *lastResort) make() bool {
	if r.made {
		return true
	}
	event := sigevent{signal: int32(unix.SIGKILL)}
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&r.timer)))
	r.made = errno == 0
	return r.made
}
