package fence

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/cgroup"
)

// places are where this machine can keep devices from groups, by version. One of version 1
// has a hierarchy of version 2 beside it, as a rule.
func places(t *testing.T) map[string]cgroup.Place {
	t.Helper()
	found := map[string]cgroup.Place{}
	p := cgroup.Find("/")
	switch {
	case p.Fence.Unified:
		found["version 2"] = p
	case p.Fence.Dir != "":
		found["version 1"] = p
		p.Fence = cgroup.FencePlace{Dir: "/sys/fs/cgroup/unified", Unified: true}
		if _, err := os.Stat(p.Fence.Dir); err == nil {
			found["version 2 beside version 1"] = p
		}
	}
	if len(found) == 0 || os.Geteuid() != 0 {
		t.Skipf("control groups that keep devices cannot be made here, as user %d: %v", os.Geteuid(), p.Fence.Lacks)
	}
	return found
}

// major is one of those for experiments: no driver has them, and what may be opened
// answers ENXIO.
const major = 241

func node(t *testing.T, dir string, minor uint32) (string, cgroup.Device) {
	t.Helper()
	path := filepath.Join(dir, "device"+strconv.Itoa(int(minor)))
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(major, minor))); err != nil {
		t.Skipf("this machine does not let the test make devices: %v", err)
	}
	return path, cgroup.Device{Major: major, Minor: minor}
}

// inGroup returns what a script says that runs in a group.
func inGroup(t *testing.T, g *cgroup.Group, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "read go; "+script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Take(cmd.Process.Pid); err != nil {
		t.Error(err)
	}
	if _, err := in.Write([]byte("go\n")); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // what it says is what counts
	return out.String()
}

func TestRaise(t *testing.T) {
	for version, place := range places(t) {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			var deny []cgroup.Device
			var paths []string
			for minor := range uint32(3) {
				path, device := node(t, dir, minor)
				paths = append(paths, path)
				if minor != 1 {
					deny = append(deny, device)
				}
			}
			g, _ := place.Group("fence-test-"+strconv.Itoa(os.Getpid()), cgroup.Limits{}, deny...)
			if err := errors.Join(Raise(g), g.Make()); err != nil { // as agent and supervisor do
				t.Fatal(err)
			}
			said := inGroup(t, g, "for d in "+strings.Join(paths, " ")+"; do cat $d; done; mknod "+dir+"/again c 241 2; cat /dev/null && echo others open")
			if err := g.Remove(); err != nil {
				t.Error(err)
			}
			var refused []string
			lines := bufio.NewScanner(strings.NewReader(said))
			for lines.Scan() {
				if strings.Contains(lines.Text(), "not permitted") {
					refused = append(refused, lines.Text())
				}
			}
			if len(refused) != 3 || !strings.Contains(refused[0], paths[0]) || !strings.Contains(refused[1], paths[2]) || !strings.Contains(refused[2], "again") {
				t.Errorf("refused are %q; want the devices 0 and 2, and to make 2 anew", refused)
			}
			if !strings.Contains(said, "others open") || !strings.Contains(said, "No such device or address") {
				t.Errorf("what may be opened is not: %s", said)
			}
		})
	}
}

func TestTry(t *testing.T) {
	for version, place := range places(t) {
		t.Run(version, func(t *testing.T) {
			if err := Try(place, []cgroup.Device{{Major: major}}); err != nil {
				t.Error(err)
			}
			left, err := filepath.Glob(filepath.Join(place.Fence.Dir, "kfmesh.try-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

// TestNotPermitted has somebody try who may make groups, as after they were delegated, and
// no more.
func TestNotPermitted(t *testing.T) {
	if os.Getenv("KFMESH_TEST_FENCE_DIR") != "" {
		p := cgroup.Place{Fence: cgroup.FencePlace{Dir: os.Getenv("KFMESH_TEST_FENCE_DIR"), Unified: os.Getenv("KFMESH_TEST_FENCE_UNIFIED") != ""}}
		err := Try(p, []cgroup.Device{{Major: major}})
		if err == nil || !strings.Contains(err.Error(), "which takes the capabilit") || !strings.Contains(err.Error(), "user 65534") {
			t.Errorf("error %v", err)
		}
		return
	}
	for version, place := range places(t) {
		t.Run(version, func(t *testing.T) {
			dir := filepath.Join(place.Fence.Dir, "kfmesh-delegated-"+strconv.Itoa(os.Getpid()))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Rmdir(dir) })
			if err := os.Chown(dir, 65534, 65534); err != nil {
				t.Fatal(err)
			}
			self := filepath.Join(readable(t), "self.test")
			own, err := os.ReadFile("/proc/self/exe")
			if err == nil {
				err = os.WriteFile(self, own, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestNotPermitted$", "-test.v")
			cmd.Dir = "/"
			cmd.Env = append(os.Environ(), "KFMESH_TEST_FENCE_DIR="+dir)
			if place.Fence.Unified {
				cmd.Env = append(cmd.Env, "KFMESH_TEST_FENCE_UNIFIED=1")
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// readable is a directory that everybody may read, unlike those of tests.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kfmesh-fence-") //nolint:usetesting // another user has to read it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
