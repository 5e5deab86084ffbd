package supervise

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sweepFor bounds how long is waited for killed processes to go.
const sweepFor = 5 * time.Second

// sweep ends what the command left behind, so that nothing of a replica runs on
// after it: its process group, and descendants that left the group. It is called
// by their supervisor, which all orphans below it were handed to.
func sweep(pgid int) {
	_ = syscall.Kill(-pgid, syscall.SIGKILL)
	for until := time.Now().Add(sweepFor); time.Now().Before(until); {
		got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			return
		case got == 0:
			killWhere(func(p process) bool { return p.parent == os.Getpid() })
			time.Sleep(time.Millisecond)
		}
	}
}

// killSession ends every process of a session whose leader is gone. While a
// process has the number of the leader, it is another one: the kernel does not
// give a number away again while a session bears it.
func killSession(sid int) {
	if p, ok := readProcess(sid); ok && !p.zombie {
		return
	}
	for until := time.Now().Add(sweepFor); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if killWhere(func(p process) bool { return p.session == sid && !p.zombie }) == 0 {
			return
		}
	}
}

// process is what /proc/<pid>/stat says of a process.
type process struct {
	pid, parent, session int
	zombie               bool
}

// killWhere sends SIGKILL to all matching processes and returns how many there were.
func killWhere(match func(process) bool) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	killed := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok && match(p) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			killed++
		}
	}
	return killed
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
