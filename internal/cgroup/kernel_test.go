package cgroup

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests in this file are of the kernel's own control groups. Those of version 2 with
// controllers are at hand where nothing has them in version 1: `make test-cgroup2` starts a
// machine that has such.

func TestMain(m *testing.M) {
	if at := os.Getenv("KFMESH_TEST_FIND"); at != "" {
		os.Exit(tellPlace(at))
	}
	os.Exit(m.Run())
}

// found is what a process finds.
type found struct {
	Enforces []string
	Dirs     map[string]string
	Lacks    map[string]string
	Own      string // which group of version 2 it is in after that
	Used     string // why a group that it made there was of no use
	Again    []string
}

// tellPlace is the life of a process that looks where it may make groups, and makes one.
func tellPlace(path string) int {
	p := Find("/")
	f := found{Enforces: p.Enforces(), Dirs: p.Dirs, Lacks: map[string]string{}, Again: Find("/").Enforces()}
	for controller, why := range p.Lacks {
		f.Lacks[controller] = why.Error()
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err == nil && len(p.Dirs) > 0 {
		err = useGroup(p)
	}
	if err != nil {
		f.Used = err.Error()
	}
	f.Own = parseOwn(string(text))[""]
	data, err := json.Marshal(f)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return 1
	}
	return 0
}

// useGroup runs a command in a group of all limits that can be.
func useGroup(p Place) error {
	g, _ := p.Group("of-"+strconv.Itoa(os.Getpid()), Limits{CPUMilli: 500, MemoryBytes: 64 << 20, Processes: 9})
	if err := g.Make(); err != nil {
		return err
	}
	defer func() { _ = g.Remove() }()
	dir, err := g.Open()
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	cmd := exec.Command("/bin/cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	out, err := cmd.Output()
	if err == nil && !strings.Contains(string(out), "/kfmesh.of-") {
		err = fmt.Errorf("the command is in %s", out)
	}
	return err
}

// newest is where the hierarchy of version 2 is mounted, if all limits can be kept there.
func newest(t *testing.T) string {
	t.Helper()
	const root = "/sys/fs/cgroup"
	on, err := words(root, subtree)
	for _, controller := range controllers {
		if err != nil || !slices.Contains(on, controller) || os.Geteuid() != 0 {
			t.Skipf("this takes root, and control groups of version 2 that have the controller %s: make test-cgroup2 has them", controller)
		}
	}
	return root
}

// tree2 makes groups of version 2 and removes them, those below before those above.
func tree2(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for range 100 {
				if err := remove(dir); err == nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
			t.Errorf("the group %s cannot be removed", dir)
		})
	}
}

// startIn starts a command in a group.
func startIn(t *testing.T, dir string, cmd *exec.Cmd) {
	t.Helper()
	file, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(file.Fd())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// find has a process in a group find where it may make others.
func find(t *testing.T, dir string, user uint32) found {
	t.Helper()
	at, err := os.MkdirTemp("", "kfmesh-cgroup-") //nolint:usetesting // another user has to read it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(at) })
	program := filepath.Join(at, "find")
	own, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, own, 0o755)
	}
	if err == nil {
		err = os.Chmod(at, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "KFMESH_TEST_FIND="+at+"/found")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	startIn(t, dir, cmd)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var f found
	data, err := os.ReadFile(at + "/found")
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDelegation(t *testing.T) {
	root := newest(t)
	const nobody = 65534
	all := []string{CPU, Memory, Processes}
	for name, tt := range map[string]struct {
		below    string                         // the group that the agent is started in, below the one that is its
		user     uint32                         // who it is
		prepare  func(t *testing.T, dir string) // the group that is its
		enforces []string
		lacks    string
	}{
		"a group of its own":  {enforces: all},
		"started in its leaf": {below: leaf, enforces: all},
		"a user's":            {user: nobody, prepare: delegate(nobody), enforces: all},
		"not a user's":        {user: nobody, lacks: "user 65534 may not make control groups in "},
		"with a neighbour":    {prepare: neighbour, lacks: " is in the group "},
		"memory alone":        {prepare: keepOnly(Memory), below: "inner", enforces: []string{Memory}, lacks: "the controller cpu is not delegated to "},
		"handed down before":  {prepare: keepOnly(all...), below: leaf, enforces: all},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, "kfmesh-test-"+strings.ReplaceAll(name, " ", "-"))
			tree2(t, dir)
			if tt.prepare != nil {
				tt.prepare(t, dir)
			}
			start := filepath.Join(dir, tt.below)
			if tt.below != "" {
				tree2(t, start)
			}
			f := find(t, start, tt.user)
			if !slices.Equal(f.Enforces, tt.enforces) || !slices.Equal(f.Again, tt.enforces) || len(f.Lacks) != 3-len(tt.enforces) || f.Used != "" {
				t.Errorf("found %+v", f)
			}
			for _, why := range f.Lacks {
				if tt.lacks == "" || !strings.Contains(why+f.Lacks[CPU], tt.lacks) {
					t.Errorf("%q is why, want %q", why, tt.lacks)
				}
			}
			if len(tt.enforces) > 0 && filepath.Base(f.Own) != leaf {
				t.Errorf("it is in %s", f.Own)
			}
		})
	}
}

func delegate(user int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, path := range []string{"", procs, subtree} {
			if err := os.Chown(filepath.Join(dir, path), user, user); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// neighbour starts a process of somebody else in a group.
func neighbour(t *testing.T, dir string) {
	cmd := exec.CommandContext(t.Context(), "/bin/sleep", "600")
	startIn(t, dir, cmd)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func keepOnly(controllers ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, c := range controllers {
			if err := os.WriteFile(filepath.Join(dir, subtree), []byte("+"+c), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRemoveWhatIsBelow removes a group in which a process has made others.
func TestRemoveWhatIsBelow(t *testing.T) {
	root := newest(t)
	p := Place{Unified: true, Dirs: map[string]string{Memory: root}}
	g, _ := p.Group("test-below", Limits{MemoryBytes: 64 << 20})
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	dir := g.Dirs[Memory]
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", fmt.Sprintf("mkdir -p %[1]s/a/b && echo $$ > %[1]s/a/b/cgroup.procs && exec sleep 600", dir))
	startIn(t, dir, cmd)
	for range 1000 {
		if text, err := os.ReadFile(dir + "/a/b/cgroup.procs"); err == nil && len(text) > 0 {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	if err := g.Remove(); err == nil {
		t.Error("a group with processes was removed")
	}
	g.Kill()
	_ = cmd.Wait()
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestProcessorTime has the kernel hold back who would use more than it may, of whichever
// version.
func TestProcessorTime(t *testing.T) {
	p := Find("/")
	if p.Lacks[CPU] != nil {
		t.Skipf("this machine does not let the test limit processor time: %v", p.Lacks[CPU])
	}
	g, _ := p.Group("test-cpu-"+strconv.Itoa(os.Getpid()), Limits{CPUMilli: 50})
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "read go; while :; do :; done")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		err = g.Take(cmd.Process.Pid)
	}
	if err == nil {
		_, err = in.Write([]byte("go\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	held := func() int64 { return g.field(CPU, "cpu.stat", "nr_throttled") }
	for range 3000 {
		if held() >= 3 {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	if held() < 3 {
		t.Errorf("it was held back %d times", held())
	}
	g.Kill()
	_ = cmd.Wait()
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}
