package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A lease is a file that says until when commands may run: the agent of a node that
// has joined others holds what it runs only for as long as it is heard of, because
// then the same is started elsewhere. It is kept by the supervisors, so that a
// command does not outlive it whether its agent was killed, was stopped, hangs or is
// cut off.
//
// The time in it is of the clock that counts from the machine's start, sleep
// included (CLOCK_BOOTTIME): it neither jumps nor stands still.

// WriteLease lets the commands under a lease run for so long from now. Whoever runs
// under it may read it.
func WriteLease(path string, left time.Duration) error {
	until := sinceBoot() + left
	next := path + ".next"
	if err := os.WriteFile(next, []byte(strconv.FormatInt(int64(until), 10)+"\n"), 0o644); err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	if err := os.Chmod(next, 0o644); err != nil { // whatever the umask is
		return fmt.Errorf("write lease: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	return nil
}

// LeaseLeft is for how long commands under a lease may still run. A lease that is
// missing or cannot be understood has ended.
func LeaseLeft(path string) time.Duration {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	until, err := strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Duration(until)-sinceBoot())
}

// Machine names this run of the kernel, whose clock leases are told by. It is empty
// where the system does not tell.
func Machine() string { return bootID() }

func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("supervise: the machine has no CLOCK_BOOTTIME: " + err.Error()) // Linux has had it since 2.6.39
	}
	return time.Duration(t.Nano())
}
