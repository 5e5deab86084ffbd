package container

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/client"
	"go.uber.org/goleak"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for anything.
const patience = 30 * time.Second

// testImage is the name of an image with a shell and a COLOR. Without one the test is skipped.
func testImage(t testing.TB) string {
	t.Helper()
	image := os.Getenv("KFMESH_TEST_IMAGE")
	if image == "" {
		t.Skip("no container engine: make test-containers has one")
	}
	return image
}

// bench is a place to run containers at, and what outlives an agent there.
type bench struct {
	t       testing.TB
	at      runtime.Place
	order   runtime.Order
	changes func(*Options)
	told    *told
}

// told keeps what a runtime tells.
type told struct {
	warnings []string
	says     []func(time.Duration) string
}

func (t *told) Warn(sentence string) { t.warnings = append(t.warnings, sentence) }

func (t *told) Progress(_ context.Context, say func(time.Duration) string) func() {
	t.says = append(t.says, say)
	return func() {}
}

func newBench(t testing.TB, script string) *bench {
	t.Helper()
	image, dir := testImage(t), t.TempDir()
	b := &bench{
		t: t, at: runtime.Place{Workload: uuid.NewString(), Replica: "main-0", Dir: dir}, told: &told{}, changes: func(*Options) {},
		order: runtime.Order{
			Template: &gpuagentv1.Template{Image: image},
			Command:  []string{"sh", "-c", script},
			WorkDir:  filepath.Join(dir, "work"), TempDir: filepath.Join(dir, "tmp"), Log: filepath.Join(dir, "log"),
			Grace: 2 * time.Second, Labels: map[string]string{"kfmesh.dev/test": t.Name()},
		},
	}
	b.order.Tell = b.told
	for _, dir := range []string{b.order.WorkDir, b.order.TempDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		r := New(Options{Log: slog.Default()})
		defer r.Close()
		if err := r.Forget(context.Background(), b.at); err != nil {
			t.Error(err)
		}
	})
	return b
}

// agent returns the runtime of an agent that has just begun.
func (b *bench) agent() *Runtime {
	b.t.Helper()
	o := Options{Network: "host", Env: os.Environ(), Log: slog.New(slog.NewTextHandler(b.t.Output(), nil))}
	b.changes(&o)
	r := New(o)
	b.t.Cleanup(r.Close)
	if _, err := r.Check(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// begin starts an attempt.
func (b *bench) begin(n int) runtime.Attempt {
	b.t.Helper()
	s := b.agent().Open(b.at)
	if err := s.Prepare(b.t.Context(), b.order); err != nil {
		b.t.Fatal(err)
	}
	a, err := s.Start(b.t.Context(), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// run starts the first attempt and waits for its end.
func (b *bench) run() runtime.Exit {
	b.t.Helper()
	return b.wait(b.begin(1))
}

func (b *bench) wait(a runtime.Attempt) runtime.Exit {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	exit, err := a.Wait(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return exit
}

func (b *bench) log() string { return b.read(b.order.Log) }

func (b *bench) read(path string) string {
	b.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return string(data)
}

// await polls until the condition holds.
func (b *bench) await(what string, holds func() bool) {
	b.t.Helper()
	for until := time.Now().Add(patience); !holds(); {
		if time.Now().After(until) {
			b.t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// touch makes a file in the working directory.
func (b *bench) touch(name string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.order.WorkDir, name), nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// engine is the engine behind the tests.
func (b *bench) engine() *engine {
	b.t.Helper()
	r := b.agent()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// name is that of the container of an attempt.
func (b *bench) name(n string) string {
	return "kfmesh-" + b.at.Workload + "-" + b.at.Replica + "-" + n
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*runtime.Order)
		want   runtime.Exit
		says   string
		log    string
	}{
		{"succeeds", func(o *runtime.Order) { o.Command[2] = "echo one; echo two" }, runtime.Exit{}, "", "one\ntwo\n"},
		{"fails", func(o *runtime.Order) { o.Command[2] = "echo no >&2; exit 3" }, runtime.Exit{Code: 3}, "", "no\n"},
		{"killed", func(o *runtime.Order) { o.Command[2] = "sh -c 'kill -9 $PPID' & wait; sleep 1; exit 4" }, runtime.Exit{Code: 4}, "", ""},
		{
			"no such program", func(o *runtime.Order) { o.Command = []string{"no-such-program"} },
			runtime.Exit{Code: 126, Cause: runtime.Failed, Reason: "StartFailed"},
			"no-such-program", "",
		},
		{
			"out of memory", func(o *runtime.Order) {
				o.Command[2] = "tail /dev/zero"
				o.Template.Resources = &gpuagentv1.Resources{MemoryLimitBytes: 16 << 20}
			}, runtime.Exit{Code: 137, Cause: runtime.Failed, Reason: "OOMKilled"}, "its limit of 16 MiB", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "")
			tt.change(&b.order)
			got := b.run()
			if got.Code != tt.want.Code || got.Cause != tt.want.Cause || got.Reason != tt.want.Reason || !strings.Contains(got.Message, tt.says) {
				t.Errorf("exit %+v, want %+v saying %q", got, tt.want, tt.says)
			}
			if log := b.log(); tt.log != "" && log != tt.log {
				t.Errorf("log %q, want %q", log, tt.log)
			}
			if got.Finish.IsZero() || time.Since(got.Finish) > time.Minute {
				t.Errorf("finished at %s", got.Finish)
			}
		})
	}
}

func TestAContainerSeesItsOrder(t *testing.T) {
	b := newBench(t, `echo "$COLOR $A $HOME $(id -u):$(id -g) $PWD"; echo made > made; echo tmp > $TMPDIR/x; echo two > `+"$OTHER/two")
	other := t.TempDir()
	b.order.Template.Staging = &gpuagentv1.Staging{Directories: []string{other}, Returns: []*gpuagentv1.ReturnedPath{{Path: other + "/two"}}}
	user, group := int64(4321), int64(99)
	b.order.Template.SecurityContext = &gpuagentv1.SecurityContext{RunAsUser: &user, RunAsGroup: &group, RunAsNonRoot: true}
	b.order.Env = []string{"A=old", "OTHER=" + other, "TMPDIR=" + b.order.TempDir, "A=new"}
	if exit := b.run(); exit.Code != 0 || exit.Cause != runtime.Ended {
		t.Fatalf("exit %+v, log %s", exit, b.log())
	}
	if got, want := b.log(), "blue new "+b.order.WorkDir+" 4321:99 "+b.order.WorkDir+"\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	for path, want := range map[string]string{b.order.WorkDir + "/made": "made\n", b.order.TempDir + "/x": "tmp\n", other + "/two": "two\n"} {
		if got := b.read(path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestLimits(t *testing.T) {
	b := newBench(t, "sleep 60")
	b.order.Template.Resources = &gpuagentv1.Resources{CpuMilli: 250, CpuLimitMilli: 500, MemoryBytes: 8 << 20, MemoryLimitBytes: 32 << 20}
	a := b.begin(1)
	found, err := b.engine().ContainerInspect(t.Context(), b.name("1"), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if h := found.Container.HostConfig; h.NanoCPUs != 5e8 || h.CPUShares != 256 || h.Memory != 32<<20 || h.MemoryReservation != 8<<20 {
		t.Errorf("limits %+v", h.Resources)
	}
	if labels := found.Container.Config.Labels; labels["kfmesh.dev/test"] != t.Name() || labels[attemptLabel] != "1" {
		t.Errorf("labels %v", labels)
	}
	stop(t, a)
}

func stop(t *testing.T, a runtime.Attempt) {
	t.Helper()
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStop(t *testing.T) {
	for name, tt := range map[string]struct {
		script   string
		deadline time.Time
		code     int
		cause    runtime.Cause
	}{
		"heard":    {"trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done", time.Time{}, 5, runtime.Stopped},
		"ignored":  {"trap '' TERM; echo up; while :; do sleep 0.01; done", time.Time{}, 137, runtime.Stopped},
		"deadline": {"trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done", time.Now().Add(-time.Second), 5, runtime.Deadline},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.script)
			b.order.Grace, b.order.Deadline = time.Second, tt.deadline
			a := b.begin(1)
			ended := make(chan runtime.Exit, 1)
			go func() { ended <- b.wait(a) }()
			b.await("a line in the log", func() bool { return b.log() == "up\n" })
			b.await("a process id", func() bool { return a.PID() != 0 })
			stop(t, a)
			if exit := <-ended; exit.Code != tt.code || exit.Cause != tt.cause {
				t.Errorf("exit %+v, want %d, %v", exit, tt.code, tt.cause)
			}
			stop(t, a) // after the end
		})
	}
}

func TestAnEndOfItsOwnIsNoStop(t *testing.T) {
	b := newBench(t, "exit 6")
	a := b.begin(1)
	b.wait(a)
	stop(t, a)
	if exit := b.wait(b.agent().Adopt(b.at, 1)); exit.Code != 6 || exit.Cause != runtime.Ended {
		t.Errorf("exit %+v, want its own 6", exit)
	}
}

func TestRefusedOrders(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*bench)
		reason string
		says   string
	}{
		"no image": {func(b *bench) { b.order.Template.Image = "" }, "StartFailed", "no image"},
		"no name":  {func(b *bench) { b.order.Template.Image = "UPPER" }, "ImagePullFailed", `"UPPER" is no name of an image`},
		"never pulled": {func(b *bench) {
			b.order.Template.Image = "kfmesh.test/absent:1"
			b.order.Template.ImagePullPolicy = gpuagentv1.PullPolicy_PULL_POLICY_NEVER
		}, "ImagePullFailed", "is not on this node"},
		"cannot be pulled": {func(b *bench) { b.order.Template.Image = "kfmesh.test/absent:1" }, "ImagePullFailed", "pull kfmesh.test/absent:1: "},
		"root": {func(b *bench) {
			b.order.Template.SecurityContext = &gpuagentv1.SecurityContext{RunAsNonRoot: true}
		}, "CreateContainerConfigError", "is not to run as root"},
		"unreachable": {func(b *bench) {
			b.order.Template.Staging = &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "/elsewhere/x"}}}
		}, "StartFailed", "/elsewhere/x is in no directory that the container shares"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "true")
			b.changes = func(o *Options) { o.User = UserImage }
			tt.change(b)
			s := b.agent().Open(b.at)
			err := s.Prepare(t.Context(), b.order)
			if err == nil || runtime.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %s: %s", err, tt.reason, tt.says)
			}
		})
	}
}

func securityContext(user int64) *gpuagentv1.SecurityContext {
	return &gpuagentv1.SecurityContext{RunAsUser: &user}
}

func memoryLimit(bytes int64) *gpuagentv1.Resources {
	return &gpuagentv1.Resources{MemoryLimitBytes: bytes}
}
