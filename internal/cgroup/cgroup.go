// Package cgroup has the kernel limit the processors, memory and number of processes
// that a command uses, with control groups of version 1 or 2.
//
// Find says where groups can be made: below the group that this process is in, so that
// what is limited there stays limited. A Group is made for one command, entered before
// the command starts, and removed after the last of its processes has ended. All there is
// to know of a group is in its value, which can be stored and read again by another
// process.
//
// Version 1 has a hierarchy of directories for each controller, and a process enters
// by writing itself down in each. Version 2 has one hierarchy, and a process can be born in
// a group (clone3's CLONE_INTO_CGROUP), which costs next to nothing. There, only groups
// without processes can hand controllers down, so who wants to make groups has to step
// into one of its own first: Find does, where all that would have to move is this
// program's.
//
// A group may be made to do without some devices, too: its Fence says which.
//
// The package uses the standard library and x/sys only: supervisors link it.
package cgroup

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// The controllers that limit something.
const (
	CPU       = "cpu"
	Memory    = "memory"
	Processes = "pids"
)

// controllers are all of them.
var controllers = []string{CPU, Memory, Processes}

// prefix begins the names of groups.
const prefix = "kfmesh."

// leaf is the group that an agent steps into in order to make others beside it.
const leaf = "kfmesh-agent"

// Limits are what a group may use. Zero means any amount.
type Limits struct {
	CPUMilli    int64 `json:",omitempty"` // thousandths of a core
	MemoryBytes int64 `json:",omitempty"` // swap included
	Processes   int64 `json:",omitempty"` // at once, threads included
}

// needs are the controllers of what is limited.
func (l Limits) needs() []string {
	var needs []string
	for controller, amount := range map[string]int64{CPU: l.CPUMilli, Memory: l.MemoryBytes, Processes: l.Processes} {
		if amount > 0 {
			needs = append(needs, controller)
		}
	}
	slices.Sort(needs)
	return needs
}

// Place is where groups can be made.
type Place struct {
	// Unified tells that it is of version 2.
	Unified bool
	// Dirs are the directories to make groups in, by controller. One that is not among
	// them does not limit anything here.
	Dirs map[string]string
	// Lacks says why of each controller that is not there.
	Lacks map[string]error
	// Fence is where devices can be kept from groups.
	Fence FencePlace
}

// Enforces are the controllers that work, in order.
func (p Place) Enforces() []string { return slices.Sorted(maps.Keys(p.Dirs)) }

// String names the version and the directories.
func (p Place) String() string {
	version := "1"
	if p.Unified {
		version = "2"
	}
	dirs := slices.Compact(slices.Sorted(maps.Values(p.Dirs)))
	return fmt.Sprintf("control groups of version %s in %s", version, strings.Join(dirs, ", "))
}

// Group returns a group of a name, which is not made yet, with limits and without some
// devices, and which of the limits cannot be kept here and why. It is nil when it would
// limit nothing.
func (p Place) Group(name string, limits Limits, deny ...Device) (*Group, map[string]error) {
	g := &Group{Unified: p.Unified, Dirs: map[string]string{}, Limits: limits}
	unkept := map[string]error{}
	for _, controller := range limits.needs() {
		if dir, ok := p.Dirs[controller]; ok {
			g.Dirs[controller] = filepath.Join(dir, prefix+name)
		} else {
			unkept[controller] = p.Lacks[controller]
		}
	}
	if len(deny) > 0 && p.Fence.Dir != "" {
		g.Fence = &Fence{Dir: filepath.Join(p.Fence.Dir, prefix+name), Unified: p.Fence.Unified, Deny: deny}
	}
	if len(g.Dirs) == 0 && g.Fence == nil {
		return nil, unkept
	}
	return g, unkept
}
