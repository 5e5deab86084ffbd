package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sweepFor bounds how long is waited for killed processes to go.
const sweepFor = 5 * time.Second

// swept ends what an ended command left behind: its process group, and
// descendants that left the group, which the kernel has handed to the supervisor.
// It reports whether nothing is left.
func (s *supervisor) swept(a *attempt) bool {
	_ = syscall.Kill(-a.pid, syscall.SIGKILL)
	left := a.straggling()
	for _, pid := range s.orphans() {
		if !reaped(pid) && s.leftBy(pid, a) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			left++
		}
	}
	return left == 0
}

// orphans returns the supervisor's children that are neither commands nor fork servers
// of its own.
func (s *supervisor) orphans() []int {
	pids, err := s.children()
	if err != nil {
		pids = pidsWhere(func(p process) bool { return p.parent == s.self.PID })
	}
	return slices.DeleteFunc(pids, func(pid int) bool { return s.attempts[pid] != nil || s.servers.has(pid) })
}

// openChildren opens the list of this process's children: those that its main
// thread has started, and those it was handed. It returns -1 where the kernel has
// none (CONFIG_PROC_CHILDREN).
func openChildren(self int) int {
	fd, err := unix.Open(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", self), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// children reads that list. It is read once a command at least, so it stays open.
func (s *supervisor) children() ([]int, error) {
	var list []byte
	for {
		n, err := unix.Pread(s.list, s.buffer[:], int64(len(list)))
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		list = append(list, s.buffer[:n]...)
	}
	var pids []int
	for field := range bytes.FieldsSeq(list) {
		pid, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, fmt.Errorf("list of children: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// leftBy reports whether an orphan was left behind by an ended command. One that
// cannot be told whose it is, as it has a session and an environment of its own,
// is left alone until no command runs that it may belong to.
func (s *supervisor) leftBy(pid int, a *attempt) bool {
	p, ok := readProcess(pid)
	if !ok {
		return false
	}
	if of, ok := s.attempts[p.session]; ok {
		return of == a
	}
	journal := epochOf(pid)
	running := false
	for _, other := range s.attempts {
		if other.spec.Journal == journal {
			return other == a
		}
		running = running || other.finish.IsZero()
	}
	return journal != "" || !running
}

// reaped collects a child if it has ended.
func reaped(pid int) bool {
	got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	return got == pid || errors.Is(err, syscall.ECHILD)
}
