package supervise

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// sweepFor bounds how long is waited for killed processes to go.
const sweepFor = 5 * time.Second

// swept ends what an ended command left behind: its process group, and
// descendants that left the group, which the kernel has handed to the supervisor.
// It reports whether nothing is left.
func (s *supervisor) swept(a *attempt) bool {
	_ = syscall.Kill(-a.pid, syscall.SIGKILL)
	left := 0
	for _, pid := range s.orphans() {
		if !reaped(pid) && s.leftBy(pid, a) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			left++
		}
	}
	return left == 0
}

// orphans returns the supervisor's children that are no command of its own.
func (s *supervisor) orphans() []int {
	pids, err := children(s.self.PID)
	if err != nil { // a kernel without CONFIG_PROC_CHILDREN
		pids = pidsWhere(func(p process) bool { return p.parent == s.self.PID })
	}
	orphans := pids[:0]
	for _, pid := range pids {
		if _, command := s.attempts[pid]; !command {
			orphans = append(orphans, pid)
		}
	}
	return orphans
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

// children lists the children of a process's main thread: those it has started,
// and those it was handed.
func children(pid int) ([]int, error) {
	number := strconv.Itoa(pid)
	data, err := os.ReadFile("/proc/" + number + "/task/" + number + "/children")
	if err != nil {
		return nil, err
	}
	var pids []int
	for field := range bytes.FieldsSeq(data) {
		child, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, fs.ErrInvalid
		}
		pids = append(pids, child)
	}
	return pids, nil
}
