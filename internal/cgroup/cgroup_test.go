package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree makes files below a new root and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	legacyMounts = `24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
26 24 0:24 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
27 24 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	legacyOwn     = "3:cpu,cpuacct:/user\n2:memory:/user/shell\n0::/\n"
	unifiedMounts = "30 1 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
)

func TestFindVersion1(t *testing.T) {
	root := tree(t, map[string]string{
		"proc/self/mountinfo": legacyMounts, "proc/self/cgroup": legacyOwn,
		"sys/fs/cgroup/cpu,cpuacct/user/tasks": "", "sys/fs/cgroup/memory/user/shell/tasks": "",
	})
	p := Find(root)
	if p.Unified || !slices.Equal(p.Enforces(), []string{CPU, Memory}) || p.Lacks[Processes] == nil {
		t.Fatalf("%+v", p)
	}
	g, unkept := p.Group("a.main-0.1", Limits{CPUMilli: 1500, MemoryBytes: 64 << 20, Processes: 9})
	if len(unkept) != 1 || !strings.Contains(unkept[Processes].Error(), "not mounted") {
		t.Errorf("not kept: %v", unkept)
	}
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"cpu,cpuacct/user/kfmesh.a.main-0.1/cpu.cfs_quota_us": "150000", "cpu,cpuacct/user/kfmesh.a.main-0.1/cpu.cfs_period_us": "100000",
		"memory/user/shell/kfmesh.a.main-0.1/memory.limit_in_bytes": "67108864",
	} {
		if got, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", path)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestFindVersion2(t *testing.T) {
	files := func(own, dir, controllers string) map[string]string {
		return map[string]string{
			"proc/self/mountinfo": unifiedMounts, "proc/self/cgroup": "0::" + own + "\n",
			"sys/fs/cgroup" + own + "/cgroup.procs": "", "sys/fs/cgroup" + dir + "/cgroup.controllers": controllers,
			"sys/fs/cgroup" + dir + "/cgroup.subtree_control": "",
		}
	}
	for name, tt := range map[string]struct {
		own, dir, controllers string
		enforces              []string
	}{
		"its own group":           {"/kfmesh.service", "/kfmesh.service", "cpuset cpu memory pids", []string{CPU, Memory, Processes}},
		"beside the one it is in": {"/kfmesh.service/kfmesh-agent", "/kfmesh.service", "memory pids", []string{Memory, Processes}},
		"nothing is delegated":    {"/x.scope", "/x.scope", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, files(tt.own, tt.dir, tt.controllers))
			p := Find(root)
			if !p.Unified || !slices.Equal(p.Enforces(), tt.enforces) || len(p.Lacks) != 3-len(tt.enforces) {
				t.Fatalf("%+v", p)
			}
			for _, dir := range p.Dirs {
				if dir != filepath.Join(root, "sys/fs/cgroup", tt.dir) {
					t.Errorf("groups are made in %s", dir)
				}
			}
			if len(tt.enforces) < 3 {
				if _, unkept := p.Group("x", Limits{CPUMilli: 1}); !strings.Contains(unkept[CPU].Error(), "not delegated") {
					t.Errorf("not kept: %v", unkept)
				}
			}
		})
	}
}

func TestMakeVersion2(t *testing.T) {
	dir := t.TempDir()
	p := Place{Unified: true, Dirs: map[string]string{CPU: dir, Memory: dir, Processes: dir}}
	g, unkept := p.Group("x", Limits{CPUMilli: 5, MemoryBytes: 1 << 20, Processes: 7})
	if err := g.Make(); err != nil || len(unkept) > 0 {
		t.Fatal(err, unkept)
	}
	for file, want := range map[string]string{"cpu.max": "1000 100000", "memory.max": "1048576", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "7"} {
		if got, err := os.ReadFile(filepath.Join(dir, "kfmesh.x", file)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", file, got, err, want)
		}
	}
	for file, content := range map[string]string{"memory.events": "low 0\noom 3\noom_kill 2\n", "memory.peak": "999\n"} {
		if err := os.WriteFile(filepath.Join(dir, "kfmesh.x", file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if g.OOMKills() != 2 || g.PeakBytes() != 999 {
		t.Errorf("kills %d, peak %d", g.OOMKills(), g.PeakBytes())
	}
}

func TestNothingToLimit(t *testing.T) {
	for name, p := range map[string]Place{"nowhere": Find(t.TempDir()), "nothing mounted": Find(tree(t, map[string]string{"proc/self/mountinfo": "", "proc/self/cgroup": ""}))} {
		g, unkept := p.Group("x", Limits{MemoryBytes: 1})
		if g != nil || unkept[Memory] == nil || len(p.Enforces()) > 0 {
			t.Errorf("%s: %v, %v", name, g, unkept)
		}
	}
	if g, unkept := (Place{}).Group("x", Limits{}); g != nil || len(unkept) > 0 {
		t.Errorf("without limits: %v, %v", g, unkept)
	}
}

// TestSweep removes what is old and empty, and nothing else. The directories of a real
// file system stand for groups: theirs have no files.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for name, at := range map[string]time.Time{"kfmesh.old": old, "kfmesh.new": time.Now(), "other": old, leaf: old} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	Place{Dirs: map[string]string{Memory: dir}}.Sweep(time.Now())
	entries, err := os.ReadDir(dir)
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if err != nil || !slices.Equal(left, []string{leaf, "kfmesh.new", "other"}) {
		t.Errorf("left %v, %v", left, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(legacyMounts, legacyOwn)
	f.Add(unifiedMounts, "0::/\n")
	f.Add(`1 1 0:1 /a\040b /c\134 rw - cgroup2 x y`, "1:name=systemd:/:/\n")
	f.Fuzz(func(t *testing.T, mounts, own string) {
		groups := parseOwn(own)
		for _, h := range parseMounts(mounts) {
			for _, group := range groups {
				dir, err := h.dirOf(group)
				if err == nil && filepath.IsAbs(h.point) && !strings.HasPrefix(dir, filepath.Clean(h.point)) {
					t.Errorf("the group %q of %+v is at %q, outside", group, h, dir)
				}
			}
		}
	})
}
