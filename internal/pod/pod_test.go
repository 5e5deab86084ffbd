package pod

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asPod has the test program be the pod program.
const asPod = "KFMESH_TEST_POD"

func TestMain(m *testing.M) {
	if os.Getenv(asPod) != "" {
		os.Exit(Main(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

// trial is a pod that a test runs.
type trial struct {
	t    *testing.T
	dir  string
	plan Plan
	cmd  *exec.Cmd
}

// shell is a container that runs a script. DIR is the test's directory.
func shell(name, script string) Container {
	return Container{Name: name, Args: []string{"/bin/sh", "-c", script}}
}

func (tr *trial) start(script string) {
	tr.t.Helper()
	env := append(os.Environ(), "DIR="+tr.dir, asPod+"=1")
	for _, all := range [][]Container{tr.plan.Init, tr.plan.Beside} {
		for i := range all {
			all[i].Env, all[i].WorkDir = env, tr.dir
		}
	}
	if tr.plan.Grace == 0 {
		tr.plan.Grace = 5 * time.Second
	}
	tr.plan.Verdict = filepath.Join(tr.dir, "verdict")
	data, err := json.Marshal(tr.plan)
	if err != nil {
		tr.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.cmd = exec.Command(self, "/bin/sh", "-c", script)
	tr.cmd.Dir, tr.cmd.Env = tr.dir, append(env, Variable+"="+string(data))
	tr.cmd.Stdout, tr.cmd.Stderr = tr.file("log"), tr.file("log")
	if err := tr.cmd.Start(); err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() { _ = tr.cmd.Process.Kill() })
}

func (tr *trial) file(name string) *os.File {
	f, err := os.OpenFile(filepath.Join(tr.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() { _ = f.Close() })
	return f
}

func (tr *trial) wait() int {
	err := tr.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	return 0
}

// await waits for a file of the test's directory.
func (tr *trial) await(name string) {
	tr.t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if _, err := os.Stat(filepath.Join(tr.dir, name)); err == nil {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	tr.t.Fatalf("no %s: %s", name, tr.read("log"))
}

func (tr *trial) read(name string) string {
	data, err := os.ReadFile(filepath.Join(tr.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tr.t.Fatal(err)
	}
	return string(data)
}

func (tr *trial) verdict() Verdict {
	v, err := ReadVerdict(filepath.Join(tr.dir, "verdict"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tr.t.Fatal(err)
	}
	return v
}

func probe(a Action) *Probe {
	return &Probe{Action: a, Period: 20 * time.Millisecond, Timeout: time.Second, Failures: 2}
}

func sh(script string) Action { return Action{Exec: []string{"/bin/sh", "-c", script}} }

func TestPod(t *testing.T) {
	t.Parallel()
	sidecar := func(c Container) Container {
		c.Restart = Always
		return c
	}
	started := func(c Container, script string) Container {
		c.Startup = probe(sh(script))
		c.Startup.Failures = 500
		return c
	}
	tests := []struct {
		name   string
		plan   Plan
		main   string
		code   int
		reason string
		says   string // in the verdict
		out    string // what the containers wrote
	}{
		{name: "alone", main: "exit 7", code: 7},
		{name: "in order", plan: Plan{Init: []Container{shell("a", "sleep 0.05; echo a >> out"), shell("b", "echo b >> out")}}, main: "echo c >> out", out: "a\nb\nc\n"},
		{
			name: "an init container that fails", plan: Plan{Init: []Container{shell("a", "exit 3"), shell("b", "echo b >> out")}}, main: "echo c >> out",
			code: 3, reason: reasonInit, says: "init container a failed: exit status 3",
		},
		{
			name: "one that cannot be started", plan: Plan{Init: []Container{{Name: "a", Args: []string{"no-such-program"}}}}, main: "true",
			code: 127, reason: reasonInit, says: `program "no-such-program" is in no directory of PATH`,
		},
		{
			name: "a sidecar that the next waits for", main: "cat ready >> out",
			plan: Plan{Init: []Container{sidecar(started(shell("a", "sleep 0.1; echo x > ready; exec sleep 60"), "test -e ready"))}}, out: "x\n",
		},
		{
			name: "a sidecar that is started again", main: `until [ "$(wc -l < out)" -ge 3 ]; do sleep 0.01; done`,
			plan: Plan{Init: []Container{shell("i", "touch out"), sidecar(shell("a", "echo x >> out; exit 0"))}}, out: "x\nx\nx\n",
		},
		{
			name: "a companion that has ended is let be", main: "sleep 0.4",
			plan: Plan{Beside: []Container{{Name: "a", Args: []string{"/bin/sh", "-c", "echo x >> out"}, Restart: OnFailure}}}, out: "x\n",
		},
		{name: "companions are stopped", main: "until [ -e up ]; do sleep 0.01; done", plan: Plan{Beside: []Container{
			shell("a", `trap "echo bye >> out; exit 0" TERM; touch up; while :; do sleep 0.02; done`),
		}}, out: "bye\n"},
		{
			name: "liveness", plan: Plan{Main: Container{Name: "m", Liveness: probe(sh("exit 1"))}}, main: "exec sleep 60",
			code: 143, reason: reasonProbe, says: "the liveness probe of container m failed 2 times in a row: /bin/sh -c exit 1: exit status 1",
		},
		{
			name: "a probe that takes too long", main: "exec sleep 60", code: 143, reason: reasonProbe, says: errTime.Error(),
			plan: Plan{Main: Container{Name: "m", Liveness: &Probe{Action: sh("sleep 60"), Period: time.Millisecond, Timeout: 20 * time.Millisecond, Failures: 1}}},
		},
		{
			name: "startup", plan: Plan{Main: Container{Name: "m", Startup: probe(Action{TCP: "127.0.0.1:1"})}}, main: "exec sleep 60",
			code: 143, reason: reasonProbe, says: "the startup probe of container m failed 2 times in a row: connect to 127.0.0.1:1: connection refused",
		},
		{
			name: "liveness waits for the start", main: "sleep 0.3; touch up; sleep 0.1; echo x >> out",
			plan: Plan{Main: started(Container{Name: "m", Liveness: probe(sh("test -e up"))}, "test -e up")}, out: "x\n",
		},
		{
			name: "a hook after the start", plan: Plan{Main: Container{Name: "m", PostStart: &Action{Exec: []string{"/bin/sh", "-c", "exit 9"}}}}, main: "exec sleep 60",
			code: 143, reason: reasonHook, says: "exit status 9",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := &trial{t: t, dir: t.TempDir(), plan: tt.plan}
			tr.start(tt.main)
			if code := tr.wait(); code != tt.code {
				t.Errorf("exit status %d, want %d: %s", code, tt.code, tr.read("log"))
			}
			if v := tr.verdict(); v.Reason != tt.reason || !strings.Contains(v.Message, tt.says) {
				t.Errorf("verdict %+v, want %s: %s", v, tt.reason, tt.says)
			}
			if out := tr.read("out"); out != tt.out {
				t.Errorf("wrote %q, want %q", out, tt.out)
			}
		})
	}
}

// TestStop has SIGTERM stop the container that counts, after its hook, and then the others.
func TestStop(t *testing.T) {
	t.Parallel()
	tr := &trial{t: t, dir: t.TempDir(), plan: Plan{
		Main:   Container{Name: "m", PreStop: &Action{Exec: []string{"/bin/sh", "-c", "echo hook >> out"}}},
		Beside: []Container{shell("a", `trap "echo a >> out; exit 0" TERM; touch up; while :; do sleep 0.02; done`)},
	}}
	tr.start(`trap "echo main >> out; exit 5" TERM; until [ -e up ]; do sleep 0.01; done; touch main; while :; do sleep 0.02; done`)
	tr.await("main")
	if err := tr.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := tr.wait(); code != 5 {
		t.Errorf("exit status %d: %s", code, tr.read("log"))
	}
	if out := tr.read("out"); out != "hook\nmain\na\n" {
		t.Errorf("wrote %q", out)
	}
}

// TestStopKills has what does not listen to SIGTERM killed, while it initialises, too.
func TestStopKills(t *testing.T) {
	t.Parallel()
	deaf := `trap "" TERM; touch up; while :; do sleep 0.02; done`
	for name, plan := range map[string]Plan{"init": {Init: []Container{shell("a", deaf)}}, "main": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan.Grace = 100 * time.Millisecond
			tr := &trial{t: t, dir: t.TempDir(), plan: plan}
			tr.start(deaf)
			tr.await("up")
			if err := tr.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"init": CodeStopped, "main": 128 + int(syscall.SIGKILL)}[name]
			if code := tr.wait(); code != want {
				t.Errorf("exit status %d, want %d", code, want)
			}
		})
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-A") != "b" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		case "/bad":
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for path, want := range map[string]string{"/": "", "x": "", "/moved": "", "/bad": "status 500", "/slow": errTime.Error()} {
		a := Action{HTTP: &Get{Address: address, Path: path, Headers: map[string]string{"X-A": "b"}}}
		err := a.do(Container{}, 200*time.Millisecond)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := (&Action{HTTP: &Get{Address: "nowhere:1"}}).do(Container{}, time.Second); err == nil || !strings.Contains(err.Error(), "is no address and port") {
		t.Errorf("got %v", err)
	}
}

func FuzzStatusLine(f *testing.F) {
	for _, line := range []string{"HTTP/1.1 200 OK\r\n", "HTTP/1.0 399\n", "HTTP/1.1 99999999999999999999 x", "SSH-2.0-x\r\n", "HTTP/1.1 -200 x", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		err := (&Get{Path: "/"}).judge(line)
		if err == nil && !strings.HasPrefix(line, "HTTP/") {
			t.Errorf("%q was taken for an answer", line)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("a message of %d bytes", len(err.Error()))
		}
	})
}

// TestReadiness has a container become ready, be found wanting, and be ready again.
func TestReadiness(t *testing.T) {
	t.Parallel()
	p := probe(sh("test -e ok"))
	tr := &trial{t: t, dir: t.TempDir(), plan: Plan{Main: Container{Name: "m", Readiness: p}}}
	tr.plan.Ready = filepath.Join(tr.dir, "ready")
	tr.start("until [ -e done ]; do sleep 0.01; done")
	await := func(want bool) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); IsReady(tr.plan.Ready) != want; {
			if time.Now().After(until) {
				t.Fatalf("never ready: %t", want)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	ok := filepath.Join(tr.dir, "ok")
	await(false)
	for range 2 {
		if err := os.WriteFile(ok, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		await(true)
		if err := os.Remove(ok); err != nil {
			t.Fatal(err)
		}
		await(false)
	}
	if err := os.WriteFile(filepath.Join(tr.dir, "done"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := tr.wait(); code != 0 {
		t.Errorf("exit status %d: %s", code, tr.read("log"))
	}
}

// TestProber has another program do what needs TLS or gRPC, and a connection do without it.
func TestProber(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	says := func(script string) []string { return []string{"/bin/sh", "-c", script, "prober"} }
	for _, tt := range []struct {
		prober []string
		action Action
		want   string
	}{
		{says(`echo "$1"; exit 1`), Action{GRPC: &Health{Address: address, Service: "s"}}, `{"GRPC":{"Address":"` + address + `","Service":"s"}}`},
		{says("exit 0"), Action{HTTP: &Get{Address: "127.0.0.1:1", TLS: true}}, ""},
		{says("exec sleep 60"), Action{GRPC: &Health{Address: address}}, errTime.Error()},
		{nil, Action{GRPC: &Health{Address: address}}, ""},
		{nil, Action{HTTP: &Get{Address: "127.0.0.1:1", TLS: true}}, "connection refused"},
	} {
		err := processes{prober: tt.prober}.Do(tt.action, Container{}, 500*time.Millisecond)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.prober, err, tt.want)
		}
	}
}

// TestAProbesOwnGrace kills what is deaf within the grace of its probe and not of its pod.
func TestAProbesOwnGrace(t *testing.T) {
	t.Parallel()
	p := probe(sh("test ! -e up"))
	p.Grace = 50 * time.Millisecond
	tr := &trial{t: t, dir: t.TempDir(), plan: Plan{Grace: time.Hour, Main: Container{Name: "m", Liveness: p}}}
	tr.start(`trap "" TERM; touch up; while :; do sleep 0.02; done`)
	if code := tr.wait(); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit status %d", code)
	}
}
