package cgroup

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OOMKills is how many processes of the group the kernel has killed because the group had
// used up its memory.
func (g *Group) OOMKills() int64 {
	if g.Unified {
		return g.field(Memory, "memory.events", "oom_kill")
	}
	return g.field(Memory, "memory.oom_control", "oom_kill")
}

// PeakBytes is the most memory that the group has used; 0 where the kernel does not tell.
func (g *Group) PeakBytes() int64 {
	if g.Unified {
		return g.number(Memory, "memory.peak")
	}
	return g.number(Memory, "memory.max_usage_in_bytes")
}

// field is a value of a file of lines such as "oom_kill 0"; 0 when it is not there.
func (g *Group) field(controller, file, name string) int64 {
	for line := range strings.Lines(g.text(controller, file)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == name {
			return parse(value)
		}
	}
	return 0
}

// number is the value of a file with nothing else in it; 0 when it is not there.
func (g *Group) number(controller, file string) int64 { return parse(g.text(controller, file)) }

func (g *Group) text(controller, file string) string {
	dir, ok := g.Dirs[controller]
	if !ok {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return ""
	}
	return string(text)
}

func parse(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// strayAfter is how long a group without processes is left alone: it may just have been
// made.
const strayAfter = time.Minute

// Sweep removes the groups that nobody is in any more and that were made a while ago,
// such as those whose supervisor was killed. Agents may share a place: none is theirs alone.
func (p Place) Sweep(now time.Time) {
	for _, dir := range append(slices.Collect(maps.Values(p.Dirs)), p.Fence.Dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil || !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) || now.Sub(info.ModTime()) < strayAfter {
				continue
			}
			stray := &Group{Dirs: map[string]string{"": filepath.Join(dir, entry.Name())}}
			if len(stray.PIDs()) == 0 {
				_ = stray.Remove() // one that was entered meanwhile stays: the kernel sees to it
			}
		}
	}
}
