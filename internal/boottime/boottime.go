// Package boottime is the clock that counts from the machine's start, sleep included
// (CLOCK_BOOTTIME). It neither jumps, as the wall clock does when it is set, nor stands
// still while the machine sleeps, as time.Now's monotonic reading does, and all processes
// of a machine see the same. What may last until a certain time on a machine, whoever of
// its processes looks, is measured by it.
package boottime

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Instant is a moment on the clock. It means nothing on another machine, nor after this
// one has started anew: see ID.
type Instant int64

// Now is the present.
func Now() Instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("boottime: the machine has no CLOCK_BOOTTIME: " + err.Error()) // Linux has had it since 2.6.39
	}
	return Instant(t.Nano())
}

// Add is the moment so much later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub is how much later it is than another moment.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }

// ID tells the starts of a machine apart; empty where the kernel does not say.
func ID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
