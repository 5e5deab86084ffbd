package cgroup

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindFence(t *testing.T) {
	const devicesMount = "28 24 0:28 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
	groups := func(dirs ...string) map[string]string {
		files := map[string]string{}
		for _, dir := range dirs {
			files["sys/fs/cgroup/"+dir+"/cgroup.procs"] = ""
		}
		return files
	}
	for name, tt := range map[string]struct {
		mounts, own string
		files       map[string]string
		dir         string
		unified     bool
	}{
		"version 1":                   {legacyMounts + devicesMount, legacyOwn + "5:devices:/user\n", groups("devices/user", "unified"), "devices/user", false},
		"version 2 beside version 1":  {legacyMounts, legacyOwn, groups("unified"), "unified", true},
		"version 2":                   {unifiedMounts, "0::/a.service\n", groups("a.service"), "a.service", true},
		"version 2, stepped aside":    {unifiedMounts, "0::/a.service/" + leaf + "\n", groups("a.service/" + leaf), "a.service", true},
		"version 2, which is not its": {unifiedMounts, "0::/a.service\n", nil, "", false},
		"nothing":                     {"", "", nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(tt.files)
			if files == nil {
				files = map[string]string{}
			}
			files["proc/self/mountinfo"], files["proc/self/cgroup"] = tt.mounts, tt.own
			root := tree(t, files)
			got := Find(root).Fence
			want := ""
			if tt.dir != "" {
				want = filepath.Join(root, "sys/fs/cgroup", tt.dir)
			}
			if got.Dir != want || got.Unified != tt.unified || (got.Lacks == nil) != (want != "") {
				t.Errorf("got %+v, want %s", got, want)
			}
		})
	}
}

// TestFenceOfAList is of a group that may use what is listed, as those of containers.
func TestFenceOfAList(t *testing.T) {
	for list, ok := range map[string]bool{
		"a *:* rwm\n":                           true, // what was denied does not show
		"c 1:3 rwm\nb 195:* rwm\nc 195:1 rwm\n": true,
		"c 195:* rwm\n":                         false,
		"c *:* m\n":                             false,
		"c 195:7 rw\n":                          false,
	} {
		dir := t.TempDir()
		place := Place{Fence: FencePlace{Dir: dir}}
		g, _ := place.Group("x", Limits{}, Device{195, 7})
		if err := os.MkdirAll(g.Fence.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(g.Fence.Dir, "devices.list"), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		err := g.Fence.check()
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "the device 195:7 cannot be kept from it") {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestGroupWithAFence(t *testing.T) {
	mixed := Place{Dirs: map[string]string{Memory: "/memory"}, Fence: FencePlace{Dir: "/unified", Unified: true}}
	g, _ := mixed.Group("x", Limits{MemoryBytes: 1}, Device{195, 0})
	if got := g.dirsOf(false); len(got) != 1 || got[0] != "/memory/kfmesh.x" || !g.Entered() {
		t.Errorf("it enters %v", got)
	}
	if got := g.dirsOf(true); len(got) != 1 || got[0] != "/unified/kfmesh.x" {
		t.Errorf("it is born in %v", got)
	}
	g, _ = mixed.Group("x", Limits{}, Device{195, 0})
	if g == nil || g.Entered() {
		t.Errorf("a fence alone is %+v", g)
	}
	if g, _ := (Place{}).Group("x", Limits{}, Device{195, 0}); g != nil {
		t.Errorf("where there is no fence: %+v", g)
	}
}
