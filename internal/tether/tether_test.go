package tether

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// asTether has the test program be the tether.
const asTether = "KFMESH_TEST_TETHER"

func TestMain(m *testing.M) {
	if os.Getenv(asTether) != "" {
		os.Exit(Main(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

const patience = 20 * time.Second

// trial is a tethered command that a test runs.
type trial struct {
	t     *testing.T
	dir   string
	plan  Plan
	first bool // it is process 1 of its namespace
	cmd   *exec.Cmd
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	tr := &trial{t: t, dir: t.TempDir()}
	tr.plan = Plan{Grace: time.Minute, End: tr.path("end")}
	if err := os.WriteFile(tr.plan.End, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr *trial) path(name string) string { return filepath.Join(tr.dir, name) }

// lease has it be under a lease that lasts for so long.
func (tr *trial) lease(left time.Duration) {
	tr.t.Helper()
	tr.plan.Lease, tr.plan.Term, tr.plan.Machine = tr.path("lease"), "first", boottime.ID()
	if err := lend("first", left)(tr.plan.Lease); err != nil {
		tr.t.Fatal(err)
	}
}

// lend writes a lease whose term lasts for so long.
func lend(term string, left time.Duration) func(path string) error {
	return func(path string) error {
		until := boottime.Now().Add(left)
		return supervise.NewLease(term, until, until).Write(path)
	}
}

func (tr *trial) start(command ...string) {
	tr.t.Helper()
	self, err := os.Executable()
	if err != nil {
		tr.t.Fatal(err)
	}
	plan, err := json.Marshal(tr.plan)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.cmd = exec.Command(self, append([]string{string(plan)}, command...)...)
	tr.cmd.Dir, tr.cmd.Env = tr.dir, append(os.Environ(), asTether+"=1")
	if tr.first {
		tr.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	}
	if err := tr.cmd.Start(); err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() { _ = tr.cmd.Process.Kill() })
}

func (tr *trial) wait() int {
	tr.t.Helper()
	stop := time.AfterFunc(patience, func() { _ = tr.cmd.Process.Kill() })
	defer stop.Stop()
	err := tr.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	return 0
}

// await waits for a file and returns what is in it.
func (tr *trial) await(name string) string {
	tr.t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if data, err := os.ReadFile(tr.path(name)); err == nil && len(data) > 0 {
			return string(data)
		}
		<-time.After(5 * time.Millisecond)
	}
	tr.t.Fatalf("no %s", name)
	return ""
}

func (tr *trial) wantEnd(cause supervise.Cause, says string) {
	tr.t.Helper()
	end, err := ReadEnd(tr.plan.End)
	if err != nil || end == nil || end.Cause != cause || !strings.Contains(end.Message, says) {
		tr.t.Errorf("end %+v, %v; want %s: %s", end, err, cause, says)
	}
}

const deaf = `trap "" TERM; echo up > up; while :; do sleep 0.02; done`

func TestACommandEndsByItself(t *testing.T) {
	t.Parallel()
	for script, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137, "sleep 60 & exit 3": 3} {
		tr := newTrial(t)
		tr.lease(time.Minute)
		tr.plan.Deadline = time.Now().Add(time.Minute)
		tr.start("sh", "-c", script)
		if got := tr.wait(); got != code {
			t.Errorf("%s: exit status %d, want %d", script, got, code)
		}
		if end, err := ReadEnd(tr.plan.End); end != nil || err != nil {
			t.Errorf("%s: end %+v, %v", script, end, err)
		}
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.start("sh", "-c", `trap "exit 5" TERM; trap "echo hup > hup" HUP; echo up > up; while :; do sleep 0.02; done`)
	tr.await("up")
	_ = tr.cmd.Process.Signal(syscall.SIGHUP)
	tr.await("hup")
	_ = tr.cmd.Process.Signal(syscall.SIGTERM)
	if code := tr.wait(); code != 5 {
		t.Errorf("exit status %d, want the command's own", code)
	}
}

func TestACommandDoesNotOutliveItsLease(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(path string) error{
		"it runs out":       lend("first", 300*time.Millisecond),
		"it is gone":        os.Remove,
		"it says nonsense":  func(path string) error { return os.WriteFile(path, []byte("for ever\n"), 0o600) },
		"it is of the past": lend("first", -time.Hour),
		"it is another's":   lend("second", time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tr.lease(time.Minute)
			tr.start("sh", "-c", deaf)
			tr.await("up")
			if err := end(tr.plan.Lease); err != nil {
				t.Fatal(err)
			}
			if code := tr.wait(); code != codeKilled {
				t.Errorf("exit status %d", code)
			}
			tr.wantEnd(supervise.Fenced, "")
		})
	}
}

func TestALeaseThatIsRenewedLetsItRunOn(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.lease(3 * time.Second)
	first := time.Now().Add(3 * time.Second)
	tr.start("sh", "-c", "echo up > up; while ! [ -e go ]; do sleep 0.02; done; exit 7")
	tr.await("up")
	tr.lease(time.Minute)
	<-time.After(time.Until(first))
	if err := os.WriteFile(tr.path("go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := tr.wait(); code != 7 {
		t.Errorf("exit status %d, want its own", code)
	}
}

func TestNothingStarts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*trial)
		command string
		code    int
		cause   supervise.Cause
		says    string
	}{
		"under a lease that has ended": {func(tr *trial) { tr.lease(-time.Second) }, "touch", codeKilled, supervise.Fenced, ""},
		"under another kernel": {func(tr *trial) {
			tr.lease(time.Minute)
			tr.plan.Machine = "another"
		}, "touch", supervise.CodeNotExecutable, supervise.Unstarted, "has a kernel of its own"},
		"that is not there": {func(*trial) {}, "no-such-program", supervise.CodeNotFound, supervise.Unstarted, `"no-such-program" is in no directory of PATH`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tt.change(tr)
			tr.start(tt.command, "started")
			if code := tr.wait(); code != tt.code {
				t.Errorf("exit status %d, want %d", code, tt.code)
			}
			tr.wantEnd(tt.cause, tt.says)
			if _, err := os.Stat(tr.path("started")); err == nil {
				t.Error("the command was started")
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		grace  time.Duration
		code   int
	}{
		"heard":   {`trap "exit 5" TERM; while :; do sleep 0.02; done`, time.Minute, 5},
		"ignored": {deaf, 100 * time.Millisecond, codeKilled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tr.plan.Deadline, tr.plan.Grace = time.Now().Add(500*time.Millisecond), tt.grace
			tr.start("sh", "-c", tt.script)
			if code := tr.wait(); code != tt.code {
				t.Errorf("exit status %d, want %d", code, tt.code)
			}
			tr.wantEnd(supervise.Deadline, "")
		})
	}
}

// TestEverythingEndsWithProcess1 has the command leave behind what is in another session and
// deaf to all that can be ignored.
func TestEverythingEndsWithProcess1(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root makes process namespaces")
	}
	for name, end := range map[string]string{"of a lease": ":", "by itself": "kill -9 $$"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			tr.first = true
			tr.lease(time.Minute)
			tr.start("sh", "-c", `setsid sh -c 'trap "" TERM HUP INT; while :; do echo x >> beats; sleep 0.02; done' & `+
				`while ! [ -s beats ]; do sleep 0.02; done; echo up > up; `+end+`; wait`)
			tr.await("up")
			if name == "of a lease" {
				tr.lease(-time.Second)
			}
			if code := tr.wait(); code != codeKilled {
				t.Errorf("exit status %d", code)
			}
			before := tr.await("beats")
			<-time.After(200 * time.Millisecond)
			if after := tr.await("beats"); after != before {
				t.Error("what it left behind lives")
			}
		})
	}
}
