package enter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

// program is the supervisor as it is shipped.
var program string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "enter")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "kfmesh-supervisor")
	build := exec.Command("go", "build", "-o", program, "../../cmd/kfmesh-supervisor")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// nobody is a user without rights.
const nobody = 65534

// place is where a command runs: a directory of its own, and what can be mounted.
type place struct {
	t       *testing.T
	user    int
	dir     string // of the replica
	volume  string
	file    string
	plan    Plan
	journal string
}

// places has a test run as every user that this process can be.
func places(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	users := []int{os.Geteuid()}
	if os.Geteuid() == 0 {
		users = append(users, nobody)
	}
	for _, user := range users {
		t.Run(fmt.Sprintf("user %d", user), func(t *testing.T) {
			if user != 0 {
				skipWithoutNamespaces(t, user)
			}
			top, err := os.MkdirTemp("", "enter") //nolint:usetesting // the way to a test's own is closed to others
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(top) })
			if err := os.Chmod(top, 0o755); err != nil {
				t.Fatal(err)
			}
			p := &place{t: t, user: user, dir: filepath.Join(top, "own"), volume: filepath.Join(top, "volume"), file: filepath.Join(top, "volume", "file")}
			for _, dir := range []string{p.dir, p.volume} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(p.file, []byte("content\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			p.give(top, p.dir, p.volume, p.file)
			p.journal = filepath.Join(p.dir, "journal")
			p.plan = Plan{
				Unshare: user == 0, Own: p.dir, Scratch: filepath.Join(p.dir, "root"), WorkDir: p.dir,
				Refusal: filepath.Join(p.dir, "refused"),
			}
			test(t, p)
		})
	}
}

func (p *place) give(paths ...string) {
	p.t.Helper()
	for _, path := range paths {
		if err := os.Lchown(path, p.user, p.user); err != nil && os.Geteuid() == 0 {
			p.t.Fatal(err)
		}
	}
}

// as is what starts a program as a user.
func as(user int, program ...string) []string {
	if user == os.Geteuid() {
		return program
	}
	return append([]string{"setpriv", fmt.Sprintf("--reuid=%d", user), fmt.Sprintf("--regid=%d", user), "--clear-groups"}, program...)
}

func skipWithoutNamespaces(t *testing.T, user int) {
	t.Helper()
	args := as(user, "unshare", "--user", "--mount", "true")
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("this host lets no user make namespaces: %v, %s", err, out)
	}
}

// run runs a script behind the plan and returns what it wrote and how it ended.
func (p *place) run(script string) (string, supervise.Exit) {
	p.t.Helper()
	data, err := json.Marshal(p.plan)
	if err != nil {
		p.t.Fatal(err)
	}
	plan, log := filepath.Join(p.dir, "plan"), filepath.Join(p.dir, "log")
	if err := os.WriteFile(plan, data, 0o644); err != nil {
		p.t.Fatal(err)
	}
	pool := supervise.NewPool(as(p.user, program))
	defer pool.Close()
	epoch, err := pool.Launch(supervise.Spec{
		Journal: p.journal, WorkDir: "/", Log: log, Isolate: p.user != 0,
		Args: []string{program, Verb, plan, "sh", "-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	state, exit, err := epoch.Wait(ctx)
	if err != nil || state != supervise.Done {
		p.t.Fatalf("state %v, %v", state, err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text), exit
}

func TestMountsAnywhere(t *testing.T) {
	places(t, func(t *testing.T, p *place) {
		above := filepath.Dir(p.dir)
		p.plan.Mounts = []Mount{
			{Source: p.volume, Target: "/kfmesh-test/deep/data"},
			{Source: p.volume, Target: "/usr/kfmesh-test", ReadOnly: true},
			{Source: p.file, Target: "/etc/kfmesh-test.conf"},
			{Source: p.volume, Target: filepath.Join(above, "beside", "own")},
			{Source: p.volume, Target: filepath.Join(p.dir, "in", "own")},
			{Source: p.file, Target: "/kfmesh-test/deep/data/linked/file"},
		}
		text, exit := p.run(strings.Join([]string{
			"set -e; pwd; id -u",
			"cat /kfmesh-test/deep/data/file /usr/kfmesh-test/file /etc/kfmesh-test.conf " + above + "/beside/own/file in/own/file",
			"cat /kfmesh-test/deep/data/linked/file",
			"test -e /etc/passwd; test -e /usr/bin/env; test -d " + p.volume,
			"echo new > /kfmesh-test/deep/data/new",
			"! touch /usr/kfmesh-test/no 2>/dev/null",
			"grep -c CapEff.*0000000000000000 /proc/self/status || true",
		}, "\n"))
		caps := "1"
		if p.user == 0 {
			caps = "0"
		}
		want := fmt.Sprintf("%s\n%d\n%s%s\n", p.dir, p.user, strings.Repeat("content\n", 6), caps)
		if exit.Code != 0 || text != want {
			t.Fatalf("exit %+v, wrote\n%s\nwant\n%s", exit, text, want)
		}
		if data, err := os.ReadFile(filepath.Join(p.volume, "new")); err != nil || string(data) != "new\n" {
			t.Errorf("what was written to the volume: %q, %v", data, err)
		}
		for _, path := range []string{"/kfmesh-test", "/usr/kfmesh-test", "/etc/kfmesh-test.conf", filepath.Join(above, "beside")} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s is left behind: %v", path, err)
			}
		}
		if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), above) {
			t.Errorf("mounts are left behind: %v\n%s", err, mounts)
		}
	})
}

func TestRefusals(t *testing.T) {
	places(t, func(t *testing.T, p *place) {
		link := filepath.Join(p.dir, "link")
		if err := os.Symlink("/etc", link); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			change func(*Plan)
			mount  bool
			says   string
		}{
			"a file over a directory": {func(plan *Plan) { plan.Mounts = []Mount{{Source: p.file, Target: "/usr"}} }, true, "it is a directory"},
			"a directory over a file": {func(plan *Plan) { plan.Mounts = []Mount{{Source: p.volume, Target: "/etc/passwd"}} }, true, "it is a file"},
			"below a file":            {func(plan *Plan) { plan.Mounts = []Mount{{Source: p.volume, Target: "/etc/passwd/x"}} }, true, "/etc/passwd/x"},
			"no source":               {func(plan *Plan) { plan.Mounts = []Mount{{Source: p.volume + "x", Target: "/mnt"}} }, true, "cannot be opened"},
			"a link as the source":    {func(plan *Plan) { plan.Mounts = []Mount{{Source: link, Target: "/mnt"}} }, true, "cannot be opened"},
			"no working directory":    {func(plan *Plan) { plan.WorkDir = "/nowhere" }, false, "working directory"},
		} {
			plan := p.plan
			tt.change(&p.plan)
			p.journal = filepath.Join(p.dir, "journal."+strings.ReplaceAll(name, " ", "-"))
			text, exit := p.run("echo ran")
			p.plan = plan
			refusal, err := ReadRefusal(p.plan.Refusal)
			if err != nil || refusal.Code != exit.Code || refusal.Mount != tt.mount || !strings.Contains(refusal.Message, tt.says) {
				t.Errorf("%s: %+v, %v; want one that says %q", name, refusal, err, tt.says)
			}
			if exit.Code != 126 || strings.Contains(text, "ran") {
				t.Errorf("%s: exit %+v, wrote %q", name, exit, text)
			}
			if err := os.Remove(p.plan.Refusal); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestProgramThatIsNotThere(t *testing.T) {
	places(t, func(t *testing.T, p *place) {
		p.plan.Mounts = []Mount{{Source: p.volume, Target: "/mnt"}}
		if _, exit := p.run("exec /mnt/file"); exit.Code != 126 {
			t.Errorf("exit %+v", exit)
		}
		if _, err := ReadRefusal(p.plan.Refusal); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what the command itself could not do is no refusal: %v", err)
		}
	})
}

func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a command someone else")
	}
	user, group := nobody, 1234
	places(t, func(t *testing.T, p *place) {
		if p.user != 0 {
			return
		}
		p.plan.User, p.plan.Group = &user, &group
		if text, exit := p.run("id -u; id -g; id -G"); exit.Code != 0 || text != "65534\n1234\n1234\n" {
			t.Errorf("exit %+v, wrote %q", exit, text)
		}
		if err := os.Chmod(filepath.Dir(p.dir), 0o700); err != nil {
			t.Fatal(err)
		}
		p.plan.Passages = []Passage{{Dir: filepath.Dir(p.dir), Names: []string{filepath.Base(p.dir)}}}
		p.plan.Mounts = []Mount{{Source: p.volume, Target: filepath.Join(filepath.Dir(filepath.Dir(p.dir)), "beside-"+filepath.Base(filepath.Dir(p.dir)))}}
		p.journal += ".2"
		if text, exit := p.run("pwd; ! ls " + filepath.Dir(p.dir) + " 2>/dev/null; cat " + p.plan.Mounts[0].Target + "/file"); exit.Code != 0 || text != "65534\n1234\n1234\n"+p.dir+"\ncontent\n" {
			refusal, err := ReadRefusal(p.plan.Refusal)
			t.Errorf("exit %+v, wrote %q, refusal %+v, %v", exit, text, refusal, err)
		}
		p.plan.Passages, p.plan.Mounts = nil, nil
		p.journal += ".3"
		_, exit := p.run("exit 0")
		refusal, err := ReadRefusal(p.plan.Refusal)
		if err != nil || exit.Code != 126 || !strings.Contains(refusal.Message, "working directory cannot be entered") {
			t.Errorf("exit %+v, refusal %+v, %v", exit, refusal, err)
		}
	})
}
