package supervise

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is what /proc/<pid>/stat says of a process.
type process struct {
	pid, parent, session int
	zombie               bool
}

// pidsWhere returns the matching processes of the machine.
func pidsWhere(match func(process) bool) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok && match(p) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readProcess parses "pid (name) state ppid pgrp session ...", where the name
// may hold anything.
func readProcess(pid int) (process, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 4 {
		return process{}, false
	}
	parent, err1 := strconv.Atoi(fields[1])
	session, err2 := strconv.Atoi(fields[3])
	return process{pid: pid, parent: parent, session: session, zombie: fields[0] == "Z"}, err1 == nil && err2 == nil
}

// epochOf returns the EpochVariable of a process; empty when it has none.
func epochOf(pid int) string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if value, ok := bytes.CutPrefix(entry, []byte(EpochVariable+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// killEpoch ends every process that is left of an epoch whose supervisor is gone: those
// in its control group, which it removes, those that bear its mark, and those of its
// command's session. The command
// itself has died with its supervisor, so while a process has its number, and not
// the mark, that is another one: the kernel does not give a number away again
// while a session bears it.
func killEpoch(journal string, r record) {
	command := r.PID
	if r.Group != nil {
		r.Group.Kill()
		defer func() { _ = r.Group.Remove() }()
	}
	ofEpoch := func(p process) bool {
		if p.zombie {
			return false
		}
		if epochOf(p.pid) == journal {
			return true
		}
		return command != 0 && p.session == command && p.pid != command && !alive(command)
	}
	for until := time.Now().Add(sweepFor); time.Now().Before(until); time.Sleep(time.Millisecond) {
		left := pidsWhere(ofEpoch)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// alive reports whether a process runs.
func alive(pid int) bool {
	p, ok := readProcess(pid)
	return ok && !p.zombie
}
