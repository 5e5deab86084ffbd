package supervise

import (
	"time"

	"golang.org/x/sys/unix"
)

// poll waits until a descriptor has news or the time is up; without limit when it
// is negative.
func poll(fds []unix.PollFd, limit time.Duration) (int, error) {
	milliseconds := -1
	if limit >= 0 {
		milliseconds = int((limit + time.Millisecond - 1) / time.Millisecond) // rounded up
	}
	return unix.Poll(fds, milliseconds)
}

// pollIn polls a descriptor for news, or nothing when it is negative.
func pollIn(fd int) unix.PollFd { return unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} }
