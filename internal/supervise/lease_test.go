package supervise

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// leased is a command that runs until it is killed, whatever it is asked.
func leased(t *testing.T, left time.Duration) Spec {
	t.Helper()
	spec := shell(t, `trap "" TERM; echo up; while :; do sleep 0.05; done`)
	spec.Lease = filepath.Join(spec.WorkDir, "lease")
	if err := WriteLease(spec.Lease, left); err != nil {
		t.Fatal(err)
	}
	return spec
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
	for name, end := range map[string]func(path string) error{
		"it runs out":       func(string) error { return nil },
		"it is gone":        os.Remove,
		"it says nonsense":  func(path string) error { return os.WriteFile(path, []byte("for ever\n"), 0o600) },
		"it is of the past": func(path string) error { return WriteLease(path, -time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := leased(t, time.Second)
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
	if err := WriteLease(spec.Lease, time.Minute); err != nil {
		t.Fatal(err)
	}
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
