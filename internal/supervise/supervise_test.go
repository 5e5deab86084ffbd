package supervise

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// program is the supervisor as it is shipped: built without the race detector,
// which makes starting it a hundred times slower.
var program string

// pool is the supervisors of all tests that do not need any of their own.
var pool *Pool

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "supervise")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "kfmesh-supervisor")
	build := exec.Command("go", "build", "-o", program, "../../cmd/kfmesh-supervisor")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	pool = NewPool([]string{program})
	defer pool.Close()
	return m.Run()
}

// shell returns a spec that runs a script in a fresh epoch directory.
func shell(t *testing.T, script string) Spec {
	t.Helper()
	dir := t.TempDir()
	return Spec{
		Journal: filepath.Join(dir, "journal"), WorkDir: dir, Log: filepath.Join(dir, "log"),
		Args: []string{"sh", "-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")},
		Grace: 10 * time.Second,
	}
}

// launch runs a spec under a supervisor that other tests use at the same time.
func launch(t *testing.T, spec Spec) *Epoch {
	t.Helper()
	return launchIn(t, pool, spec)
}

func launchIn(t *testing.T, p *Pool, spec Spec) *Epoch {
	t.Helper()
	e, err := p.Launch(spec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// newPool returns a pool of supervisors that no other test uses.
func newPool(t *testing.T) *Pool {
	p := NewPool([]string{program})
	t.Cleanup(p.Close)
	return p
}

// supervisorOf returns the process id of an epoch's supervisor.
func supervisorOf(t testing.TB, spec Spec) int {
	t.Helper()
	r, _, err := readJournal(spec.Journal)
	if err != nil || r.Owner == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	return r.Owner.PID
}

func wait(t *testing.T, e *Epoch) (State, Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	state, exit, err := e.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return state, exit
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(until) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// awaitLog waits until the command has written a line and returns it.
func awaitLog(t *testing.T, spec Spec) string {
	t.Helper()
	var line string
	eventually(t, "a line in the log", func() bool {
		f, err := os.Open(spec.Log)
		if err != nil {
			return false
		}
		defer func() { _ = f.Close() }()
		line, err = bufio.NewReader(f).ReadString('\n')
		return err == nil
	})
	return strings.TrimSpace(line)
}

func readLog(t *testing.T, spec Spec) string {
	t.Helper()
	data, err := os.ReadFile(spec.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestExit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Spec)
		want   Exit
		says   string
	}{
		{"zero", func(s *Spec) { s.Args = []string{"true"} }, Exit{}, ""},
		{"status", func(s *Spec) { s.Args[2] = "exit 7" }, Exit{Code: 7}, ""},
		{"signal", func(s *Spec) { s.Args[2] = "kill -SEGV $$" }, Exit{Code: 139, Signal: 11}, ""},
		{"absent", func(s *Spec) { s.Args[0] = "no-such-program" }, Exit{Code: 127, Cause: Unstarted}, "in no directory of PATH: is it installed here?"},
		{"absent path", func(s *Spec) { s.Args[0] = "/no/such" }, Exit{Code: 127, Cause: Unstarted}, "does not exist"},
		{"not executable", func(s *Spec) { s.Args[0] = "/etc/passwd" }, Exit{Code: 126, Cause: Unstarted}, "may not be executed"},
		{"no command", func(s *Spec) { s.Args = nil }, Exit{Code: 127, Cause: Unstarted}, "no command"},
		{
			"deadline passed", func(s *Spec) { s.Args[2] = "sleep 60"; s.Deadline = boottime.Now().Add(-time.Second) },
			Exit{Code: 143, Signal: 15, Cause: Deadline},
			"",
		},
		{
			"deadline", func(s *Spec) { s.Args[2] = "sleep 60"; s.Deadline = boottime.Now().Add(100 * time.Millisecond) },
			Exit{Code: 143, Signal: 15, Cause: Deadline},
			"",
		},
		{"deadline ignored", func(s *Spec) {
			s.Args[2] = "trap '' TERM; while :; do sleep 0.01; done"
			s.Deadline, s.Grace = boottime.Now().Add(100*time.Millisecond), 50*time.Millisecond
		}, Exit{Code: 137, Signal: 9, Cause: Deadline}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := shell(t, "")
			tt.change(&spec)
			state, got := wait(t, launch(t, spec))
			if state != Done {
				t.Fatalf("state %v, want Done", state)
			}
			if got.Code != tt.want.Code || got.Signal != tt.want.Signal || got.Cause != tt.want.Cause || !strings.Contains(got.Message, tt.says) {
				t.Errorf("exit %+v, want %+v saying %q", got, tt.want, tt.says)
			}
			if got.Start.IsZero() || got.Finish.Before(got.Start) {
				t.Errorf("times %v to %v", got.Start, got.Finish)
			}
		})
	}
}

func TestCommandSeesItsSpec(t *testing.T) {
	t.Parallel()
	spec := shell(t, `echo "$A in $PWD"; echo oops >&2; cat`)
	spec.Env = append(spec.Env, "A=old", "A=new")
	if err := os.WriteFile(spec.Log, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait(t, launch(t, spec))
	if got, want := readLog(t, spec), "before\nnew in "+spec.WorkDir+"\noops\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	for name, adopt := range map[string]bool{"by its agent": false, "by another agent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := shell(t, `trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done`)
			e := launch(t, spec)
			awaitLog(t, spec)
			if adopt {
				e = Adopt(spec.Journal)
			}
			if err := e.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if state, exit := wait(t, e); state != Done || exit.Code != 5 || exit.Cause != Stopped {
				t.Errorf("state %v, exit %+v; want the command's own status 5, stopped", state, exit)
			}
			if err := e.Stop(t.Context()); err != nil {
				t.Errorf("stop after the end: %v", err)
			}
		})
	}
}

// TestStopAtOnce stops a command whose supervisor may not even have begun.
func TestStopAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		e := launch(t, shell(t, "sleep 300"))
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, exit := wait(t, e); state != Done || exit.Cause != Stopped {
			t.Fatalf("state %v, exit %+v; want Done, stopped", state, exit)
		}
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	t.Parallel()
	spec := shell(t, `sleep 300 & echo $!; setsid sleep 300 & sleep 0.05; exit 0`)
	if state, exit := wait(t, launch(t, spec)); state != Done || exit.Code != 0 {
		t.Fatalf("state %v, exit %+v", state, exit)
	}
	pid, err := strconv.Atoi(awaitLog(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Errorf("process %d outlived the command", pid)
	}
}

func TestLostSupervisor(t *testing.T) {
	t.Parallel()
	spec := shell(t, `sleep 300 & echo $!; wait`)
	e := launchIn(t, newPool(t), spec)
	child, err := strconv.Atoi(awaitLog(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	command := e.PID()
	if err := syscall.Kill(supervisorOf(t, spec), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, e); state != Lost {
		t.Fatalf("state %v, exit %+v; want Lost", state, exit)
	}
	if alive(command) || alive(child) {
		t.Errorf("command %d (%v) or its child %d (%v) outlived a lost supervisor", command, alive(command), child, alive(child))
	}
	if state, _, err := Inspect(spec.Journal); state != Lost || err != nil {
		t.Errorf("state %v, %v; want Lost for ever", state, err)
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	spec := shell(t, `echo up; while ! [ -e go ]; do sleep 0.01; done; exit 4`)
	launch(t, spec)
	awaitLog(t, spec)
	if state, _, err := Inspect(spec.Journal); state != Running || err != nil {
		t.Fatalf("state %v, %v; want Running", state, err)
	}

	e := Adopt(spec.Journal)
	gone, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, _, err := e.Wait(gone); !errors.Is(err, context.Canceled) {
		t.Fatalf("wait returned %v, want the end of its context", err)
	}
	if err := os.WriteFile(filepath.Join(spec.WorkDir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, e); state != Done || exit.Code != 4 {
		t.Errorf("state %v, exit %+v; want the true status 4", state, exit)
	}
}

// TestLaunchTwice launches one epoch twice, as an agent does that was killed
// right after the first time. Both hear of the one end.
func TestLaunchTwice(t *testing.T) {
	t.Parallel()
	spec := shell(t, "echo ran; sleep 0.1; exit 6")
	first, second := launch(t, spec), launch(t, spec)
	for _, e := range []*Epoch{first, second} {
		if state, exit := wait(t, e); state != Done || exit.Code != 6 {
			t.Errorf("state %v, exit %+v; want Done, 6", state, exit)
		}
	}
	if got := readLog(t, spec); got != "ran\n" {
		t.Errorf("log %q", got)
	}
}

func TestSealedEpochNeverStarts(t *testing.T) {
	t.Parallel()
	spec := shell(t, `echo ran`)
	if ok, err := Seal(spec.Journal); !ok || err != nil {
		t.Fatalf("seal: %v, %v", ok, err)
	}
	if state, _ := wait(t, launch(t, spec)); state != Sealed {
		t.Errorf("state %v, want Sealed", state)
	}
	if _, err := os.Stat(spec.Log); err == nil {
		t.Error("a sealed epoch was started")
	}
}

// TestOneOwner lets many supervisors and an agent that gives up race for one epoch.
func TestOneOwner(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		spec := shell(t, `echo ran`)
		var sealed bool
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				if i == round%6 {
					ok, err := Seal(spec.Journal)
					if err != nil {
						t.Error(err)
					}
					sealed = ok
					return
				}
				_, _, _ = launch(t, spec).Wait(context.Background())
			})
		}
		group.Wait()
		data, _ := os.ReadFile(spec.Log)
		ran := strings.Count(string(data), "ran")
		if want := map[bool]int{true: 0, false: 1}[sealed]; ran != want {
			t.Fatalf("round %d: ran %d times, sealed %v", round, ran, sealed)
		}
	}
}

// TestReusedProcessID gives an epoch's process id to a process that is none of it.
func TestReusedProcessID(t *testing.T) {
	t.Parallel()
	spec := shell(t, `echo up; sleep 300`)
	other := launchIn(t, newPool(t), spec)
	defer func() { _ = other.Stop(context.Background()) }()
	eventually(t, "a process", func() bool { return other.PID() != 0 })

	path := filepath.Join(t.TempDir(), "journal")
	j, err := claim(path, owner{PID: supervisorOf(t, spec), BootID: boottime.ID()}, nil)
	if err == nil {
		err = j.append(record{PID: other.PID()})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil { // which lets go of the lock
		t.Fatal(err)
	}
	e := Adopt(path)
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	if state, _ := wait(t, e); state != Lost {
		t.Errorf("state %v, want Lost", state)
	}
	if !alive(supervisorOf(t, spec)) || !alive(other.PID()) {
		t.Error("a process of somebody else was killed")
	}
}

func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	spec := shell(t, "exit 3")
	wait(t, launch(t, spec))
	path := spec.Journal
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want State
		bad  bool
	}{
		"whole":        {whole, Done, false},
		"cut in exit":  {whole[:len(whole)-1], Lost, false},
		"garbage":      {[]byte("{\n"), Free, true},
		"no owner":     {[]byte("{}\n"), Free, true},
		"empty":        {nil, Free, false},
		"cut in owner": {whole[:10], Free, false},
	} {
		if err := os.WriteFile(path, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		state, _, err := Inspect(spec.Journal)
		if state != tt.want || (err != nil) != tt.bad || err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: state %v, error %v", name, state, err)
		}
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(`{"Owner":{"PID":1,"BootID":"b"}}` + "\n" + `{"PID":2}` + "\n" + `{"Exit":{"Code":3}}` + "\n"))
	f.Add([]byte(`{"Owner":{"PID":0}}` + "\n" + `{"Stop":tr`))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseJournal(data)
		if err != nil {
			return
		}
		if (r.Owner == nil) != (bytes.IndexByte(data, '\n') < 0) {
			t.Errorf("owner %v of %q", r.Owner, data)
		}
		whole := data[:bytes.LastIndexByte(data, '\n')+1]
		if cut, err := parseJournal(whole); err != nil || !reflect.DeepEqual(cut, r) {
			t.Errorf("what is cut short counts: %+v, %+v, %v", r, cut, err)
		}
	})
}

// BenchmarkTrue is the cost of a command that does nothing, one after the other,
// and how much of it is processor time of the supervisor.
func BenchmarkTrue(b *testing.B) {
	p := NewPool([]string{program})
	defer p.Close()
	root := b.TempDir()
	step := func(i int) Spec {
		dir := filepath.Join(root, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		spec := Spec{
			Journal: filepath.Join(dir, "journal"), WorkDir: dir, Log: filepath.Join(dir, "log"),
			Args: []string{"/bin/true"}, Env: os.Environ(),
		}
		e, err := p.Launch(spec)
		if err != nil {
			b.Fatal(err)
		}
		if state, exit, err := e.Wait(b.Context()); state != Done || exit.Code != 0 || err != nil {
			b.Fatal(state, exit, err)
		}
		return spec
	}
	supervisor := supervisorOf(b, step(-1))
	before := processorTime(b, supervisor)
	i := 0
	for ; b.Loop(); i++ {
		step(i)
	}
	b.ReportMetric(float64((processorTime(b, supervisor)-before).Nanoseconds())/float64(i), "supervisor-ns/op")
}

// processorTime is the time that all threads of a process have run.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Fatal(err, threads)
	}
	var total time.Duration
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		var ran time.Duration
		if _, err := fmt.Sscan(string(data), (*int64)(&ran)); err != nil {
			b.Fatal(err)
		}
		total += ran
	}
	return total
}

// TestManyShort would find an end that comes before its launch is done with.
func TestManyShort(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				spec := shell(t, "")
				spec.Args = []string{"true"}
				if state, exit := wait(t, launch(t, spec)); state != Done || exit.Code != 0 {
					t.Errorf("state %v, exit %+v", state, exit)
				}
			}
		})
	}
	group.Wait()
}
