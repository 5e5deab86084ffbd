package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// leased is a command that runs until it is killed, whatever it is asked.
func leased(t *testing.T, left time.Duration) Spec {
	t.Helper()
	spec := shell(t, `trap "" TERM; echo up; while :; do sleep 0.05; done`)
	spec.Lease = filepath.Join(spec.WorkDir, "lease")
	spec.Term = "first"
	lend(t, spec, left)
	return spec
}

// lend gives a spec's term so much longer. Its end is as far off again.
func lend(t *testing.T, spec Spec, left time.Duration) {
	t.Helper()
	lendTerm(t, spec, spec.Term, left)
}

func lendTerm(t *testing.T, spec Spec, term string, left time.Duration) {
	t.Helper()
	until := boottime.Now().Add(left)
	if err := NewLease(term, until, until.Add(left.Abs())).Write(spec.Lease); err != nil {
		t.Fatal(err)
	}
}

func wantFenced(t *testing.T, e *Epoch) Exit {
	t.Helper()
	state, exit := wait(t, e)
	if state != Done || exit.Cause != Fenced {
		t.Fatalf("state %v, exit %+v, want one that was fenced", state, exit)
	}
	return exit
}

func TestACommandDoesNotOutliveItsLease(t *testing.T) {
	const runsOut = "it runs out"
	for name, end := range map[string]func(path string) error{
		runsOut:             func(string) error { return nil },
		"it is gone":        os.Remove,
		"it says nonsense":  func(path string) error { return os.WriteFile(path, []byte("for ever\n"), 0o600) },
		"it is of the past": NewLease("first", 1, 2).Write,
		"it is of another term": func(path string) error {
			return NewLease("second", boottime.Now().Add(time.Hour), boottime.Now().Add(time.Hour)).Write(path)
		},
		"it is of an earlier start of the machine": func(path string) error {
			l := NewLease("first", boottime.Now().Add(time.Hour), boottime.Now().Add(time.Hour))
			l.Boot = "another"
			return l.Write(path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := time.Minute
			if name == runsOut {
				left = 2 * time.Second
			}
			spec := leased(t, left)
			e := launch(t, spec)
			awaitLog(t, spec)
			if err := end(spec.Lease); err != nil {
				t.Fatal(err)
			}
			exit := wantFenced(t, e)
			if ran := exit.Finish.Sub(exit.Start); ran > 10*time.Second {
				t.Errorf("it ran for %s", ran)
			}
		})
	}
}

func TestACommandRunsOnUnderALeaseThatIsRenewed(t *testing.T) {
	t.Parallel()
	spec := leased(t, time.Minute)
	spec.Args[2] = "sleep 2.5; exit 7"
	e := launch(t, spec)
	lend(t, spec, time.Minute)
	if state, exit := wait(t, e); state != Done || exit.Code != 7 || exit.Cause != Ended {
		t.Errorf("state %v, exit %+v", state, exit)
	}
}

func TestNothingStartsUnderALeaseThatHasEnded(t *testing.T) {
	t.Parallel()
	spec := leased(t, -time.Second)
	wantFenced(t, launch(t, spec))
	if _, err := os.Stat(spec.Log); !os.IsNotExist(err) {
		t.Errorf("it has a log: %v", err)
	}
}

// TestALeaseIsKeptWithoutTheAgent has the supervisor alone keep it.
func TestALeaseIsKeptWithoutTheAgent(t *testing.T) {
	t.Parallel()
	own := NewPool([]string{program})
	spec := leased(t, 2*time.Second)
	launchIn(t, own, spec)
	awaitLog(t, spec)
	own.Close()
	wantFenced(t, Adopt(spec.Journal))
}

// TestACommandDoesNotOutliveItsLeaseThoughItsSupervisorStandsStill has the kernel end what a
// supervisor that was stopped cannot.
func TestACommandDoesNotOutliveItsLeaseThoughItsSupervisorStandsStill(t *testing.T) {
	t.Parallel()
	spec := leased(t, 2*time.Second)
	spec.Args[2] = `sleep 1000 & echo $!; trap "" TERM; while :; do sleep 0.05; done`
	own := newPool(t)
	e := launchIn(t, own, spec)
	child, err := strconv.Atoi(strings.TrimSpace(awaitLog(t, spec)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisorOf(t, spec), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, e); state != Lost {
		t.Errorf("state %v, exit %+v; want it lost", state, exit)
	}
	if alive(child) {
		t.Error("what the command had started runs on")
	}
}

// TestASupervisorThatKeepsToLeasesLives though its commands end one after the other.
func TestASupervisorThatKeepsToLeasesLives(t *testing.T) {
	t.Parallel()
	spec := leased(t, time.Second)
	spec.Args[2] = "sleep 0.1"
	lend(t, spec, time.Minute)
	e := launch(t, spec)
	if state, _ := wait(t, e); state != Done {
		t.Fatalf("state %v", state)
	}
	other := leased(t, time.Minute)
	other.Args[2] = "exit 3"
	if state, exit := wait(t, launch(t, other)); state != Done || exit.Code != 3 {
		t.Errorf("state %v, exit %+v", state, exit)
	}
}
