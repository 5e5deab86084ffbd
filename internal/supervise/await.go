package supervise

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often an epoch's lock is tried where the kernel has no pidfd.
const lockPoll = 100 * time.Millisecond

// awaitOwner returns nil once the epoch's owner does not live.
func awaitOwner(ctx context.Context, journal string) error {
	o, err := ownerOf(journal)
	if err != nil || o.PID == 0 {
		return err
	}
	fd, err := unix.PidfdOpen(o.PID, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return pollLock(ctx, journal)
	}
	process := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = process.Close() }()
	if alive, err := locked(journal); err != nil || !alive {
		return err // or the number is another process's by now
	}
	if err := awaitReadable(ctx, process); err != nil {
		return err
	}
	return ctx.Err()
}

// awaitReadable parks the goroutine until a pidfd becomes readable, which it is
// once its process has ended, or ctx ends.
func awaitReadable(ctx context.Context, process *os.File) error {
	conn, err := process.SyscallConn()
	if err != nil {
		return err
	}
	cancel := context.AfterFunc(ctx, func() { _ = process.SetReadDeadline(time.Unix(1, 0)) })
	defer cancel()
	err = conn.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n > 0
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func pollLock(ctx context.Context, journal string) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		alive, err := locked(journal)
		if err != nil || !alive {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
