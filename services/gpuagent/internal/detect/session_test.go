package detect

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	var sessions Sessions
	busy := exec.Command("sh", "-c", "while :; do :; done")
	busy.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Process.Kill(); _ = busy.Wait() }()
	for until := time.Now().Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		if use := sessions.Look()[busy.Process.Pid]; use.CPUMilli > 0 && use.MemoryBytes > 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatal("a process that is busy uses nothing")
		}
	}
}

func TestParseProcess(t *testing.T) {
	const line = "42 (a) b) S 1 42 40 0 -1 4194560 1 0 0 0 70 5 0 0 20 0 1 0 100 9 123 18446744073709551615 1 1"
	if p, ok := parseProcess(line); !ok || p != (spent{pid: 42, session: 40, ticks: 75, pages: 123, start: 1000 * time.Millisecond}) {
		t.Errorf("%+v, %v", p, ok)
	}
}

func FuzzParseProcess(f *testing.F) {
	f.Add("42 (a) b) S 1 42 40 0 -1 4194560 1 0 0 0 70 5 0 0 20 0 1 0 100 9 123 18446744073709551615 1 1")
	f.Add(")(")
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := parseProcess(text); ok && (p.ticks < 0 || p.pages < 0) && len(text) < 300 {
			t.Errorf("%q: %+v", text, p)
		}
	})
}
