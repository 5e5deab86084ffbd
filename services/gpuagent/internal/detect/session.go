package detect

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Use is what the processes of a session use.
type Use struct {
	CPUMilli    int64 // since the last look, or since they started; thousandths of a core
	MemoryBytes int64
}

// Sessions is what the sessions of the machine have used. The zero value has not looked
// yet. The command of a replica leads a session of its own.
type Sessions struct {
	ticks map[int]int64 // of processors, by process
	at    time.Duration // since the machine was started
}

// tick is that of proc(5), whatever the kernel's own is.
const tick = time.Second / 100

// sinceBoot is the time for which the machine has run, as proc(5) counts it.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Look returns what each session uses now, by its number.
func (s *Sessions) Look() map[int]Use {
	now := sinceBoot()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	uses, ticks := map[int]Use{}, make(map[int]int64, len(stats))
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		p, ok := parseProcess(string(text))
		if !ok {
			continue
		}
		ticks[p.pid] = p.ticks
		use := uses[p.session]
		use.MemoryBytes += p.pages * int64(unix.Getpagesize())
		since := p.start
		before, known := s.ticks[p.pid]
		if known && before <= p.ticks { // else it is another of the same number
			since = s.at
		} else {
			before = 0
		}
		if passed := now - since; passed > 0 {
			use.CPUMilli += int64(float64(p.ticks-before) * float64(tick) * 1000 / float64(passed))
		}
		uses[p.session] = use
	}
	s.ticks, s.at = ticks, now
	return uses
}

// spent is what /proc/<pid>/stat says of a process.
type spent struct {
	pid, session int
	ticks, pages int64
	start        time.Duration // since the machine was started
}

// The positions of fields in /proc/<pid>/stat after the name, which may hold anything:
// "pid (name) state ppid pgrp session ...".
const (
	statSession = 3
	statUser    = 11
	statSystem  = 12
	statStart   = 19
	statPages   = 21
)

func parseProcess(text string) (spent, bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return spent{}, false
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) <= statPages {
		return spent{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text[:open]))
	if err != nil {
		return spent{}, false
	}
	var numbers [5]int64
	for i, at := range []int{statSession, statUser, statSystem, statPages, statStart} {
		if numbers[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil || numbers[i] < 0 {
			return spent{}, false
		}
	}
	return spent{pid: pid, session: int(numbers[0]), ticks: numbers[1] + numbers[2], pages: numbers[3], start: time.Duration(numbers[4]) * tick}, true
}
