package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Group is a control group of one command.
type Group struct {
	// Unified tells that it is of version 2.
	Unified bool `json:",omitempty"`
	// Dirs are its directories by controller. Those of version 2 are one.
	Dirs map[string]string
	// Limits are what Make sets, as far as there are controllers.
	Limits Limits `json:",omitzero"`
	// Fence keeps devices from it; nil when all that there are may be used.
	Fence *Fence `json:",omitempty"`
}

// dirs are the directories, each once.
func (g *Group) dirs() []string {
	all := slices.Collect(maps.Values(g.Dirs))
	if g.Fence != nil {
		all = append(all, g.Fence.Dir)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// dirsOf are those of one version: a group of version 1 may have a fence of version 2.
func (g *Group) dirsOf(unified bool) []string {
	return slices.DeleteFunc(g.dirs(), func(dir string) bool {
		return (g.Unified || g.Fence != nil && g.Fence.Unified && dir == g.Fence.Dir) != unified
	})
}

// Entered reports whether a process has to enter it: one cannot be born in a group of
// version 1.
func (g *Group) Entered() bool { return len(g.dirsOf(false)) > 0 }

// Make makes the group and sets its limits. When it cannot, nothing of it is left.
func (g *Group) Make() error {
	for _, dir := range g.dirs() {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return errors.Join(fmt.Errorf("make control group: %w", err), g.Remove())
		}
	}
	for _, s := range g.settings() {
		err := os.WriteFile(s.path, []byte(s.value), 0o600)
		if err != nil && !(s.optional && errors.Is(err, fs.ErrNotExist)) {
			return errors.Join(fmt.Errorf("limit control group: %w", err), g.Remove())
		}
	}
	if g.Fence != nil && !g.Fence.Unified {
		if err := g.Fence.check(); err != nil {
			return errors.Join(fmt.Errorf("limit control group: %w", err), g.Remove())
		}
	}
	return nil
}

// setting is a value of one of the group's files.
type setting struct {
	path, value string
	optional    bool // not all kernels have the file
}

// period is what quotas of processor time are of, in microseconds. The kernel takes quotas
// of a thousandth of a second and more.
const (
	period       = 100_000
	smallestTime = 1_000
)

func (g *Group) settings() []setting {
	var all []setting
	set := func(controller, file, value string, optional bool) {
		if dir, ok := g.Dirs[controller]; ok {
			all = append(all, setting{filepath.Join(dir, file), value, optional})
		}
	}
	memory, processes := decimal(g.Limits.MemoryBytes), decimal(g.Limits.Processes)
	quota := decimal(max(smallestTime, g.Limits.CPUMilli*period/1000))
	set(Processes, "pids.max", processes, false)
	if g.Fence != nil && !g.Fence.Unified {
		all = append(all, g.Fence.settings()...)
	}
	if g.Unified {
		set(CPU, "cpu.max", quota+" "+decimal(period), false)
		set(Memory, "memory.max", memory, false)
		set(Memory, "memory.swap.max", "0", true)
		set(Memory, "memory.oom.group", "1", true)
		return all
	}
	set(CPU, "cpu.cfs_period_us", decimal(period), false)
	set(CPU, "cpu.cfs_quota_us", quota, false)
	set(Memory, "memory.limit_in_bytes", memory, false)
	set(Memory, "memory.memsw.limit_in_bytes", memory, true)
	return all
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// procs is the file that lists the processes of a group, and takes new ones. The threads
// of a group of version 1 are in another.
const (
	procs   = "cgroup.procs"
	threads = "tasks"
)

// Enter moves the calling thread into what the group has of version 1. The goroutine is
// locked to it, and about to execute another program: that has no other thread. To move a
// whole process the kernel would wait for all processors to take notice, which is 15 ms.
func (g *Group) Enter() error {
	for _, dir := range g.dirsOf(false) {
		if err := os.WriteFile(filepath.Join(dir, threads), []byte("0"), 0o600); err != nil {
			return fmt.Errorf("enter control group: %w", err)
		}
	}
	return nil
}

// Take moves a process of one thread into the group. In version 2 that takes up to 15 ms,
// for the reason that Enter has.
func (g *Group) Take(pid int) error {
	for file, unified := range map[string]bool{threads: false, procs: true} {
		for _, dir := range g.dirsOf(unified) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(pid)), 0o600); err != nil {
				return fmt.Errorf("put process %d into its control group: %w", pid, err)
			}
		}
	}
	return nil
}

// Open opens the directory of what the group has of version 2, for a process to be born
// in; nil without any.
func (g *Group) Open() (*os.File, error) {
	dirs := g.dirsOf(true)
	if len(dirs) == 0 {
		return nil, nil
	}
	return os.Open(dirs[0])
}

// PIDs are the processes in the group. A group that does not exist has none.
func (g *Group) PIDs() []int {
	var pids []int
	for _, dir := range g.dirs() {
		text, err := os.ReadFile(filepath.Join(dir, procs))
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// Kill sends SIGKILL to all processes in the group.
func (g *Group) Kill() {
	if g.Unified && os.WriteFile(filepath.Join(g.dirs()[0], "cgroup.kill"), []byte("1"), 0o600) == nil {
		return
	}
	for _, pid := range g.PIDs() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// How often Remove tries, and what it waits in between: the kernel may hold on to a group
// for a moment after its last process has ended.
const (
	removals    = 10
	removeAgain = time.Millisecond
)

// Remove removes the group, with those that its processes made in it. One that does not
// exist is removed already.
func (g *Group) Remove() error {
	var err error
	for range removals {
		err = nil
		for _, dir := range g.dirs() {
			err = errors.Join(err, remove(dir))
		}
		if !errors.Is(err, syscall.EBUSY) {
			break
		}
		<-time.After(removeAgain)
	}
	return err
}

// remove removes a directory of groups. The files in it are the kernel's and go along.
func remove(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unlessGone(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(err, unlessGone(syscall.Rmdir(dir)))
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
