package supervise

import (
	"os"
	"strings"
	"testing"
	"time"
)

// forked is a spec that may be had as a fork of what a script of a server says. The
// script's descriptor 3 is the socket.
func forked(t *testing.T, server string) Spec {
	spec := shell(t, "echo by itself")
	spec.Fork = &Fork{Args: []string{"/bin/sh", "-c", server}, Env: []string{"PATH=" + os.Getenv("PATH")}, Task: []byte("{}")}
	return spec
}

// TestAForkServerThatFails has commands run whatever becomes of their server.
func TestAForkServerThatFails(t *testing.T) {
	for name, server := range map[string]string{
		"no such program":    "",
		"ends before":        "exit 1",
		"is never ready":     "exec sleep 300",
		"ends once it is":    "printf r >&3",
		"does not answer":    "printf r >&3; exec sleep 300",
		"says too much once": "printf rr >&3; printf r >&3; exec sleep 300",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t)
			for range 5 {
				spec := forked(t, server)
				if server == "" {
					spec.Fork.Args = []string{"/no/such/program"}
				}
				if state, exit := wait(t, launchIn(t, p, spec)); state != Done || exit.Code != 0 {
					t.Fatalf("state %v, exit %+v", state, exit)
				}
				if log, err := os.ReadFile(spec.Log); err != nil || string(log) != "by itself\n" {
					t.Fatalf("log %q, %v", log, err)
				}
				<-time.After(20 * time.Millisecond) // for the server
			}
		})
	}
}

// TestServersAreStartedWhenTheyAreWorthIt starts none for commands that come once.
func TestServersAreStartedWhenTheyAreWorthIt(t *testing.T) {
	servers, start := forkServers{}, time.Now()
	for i := range 3 {
		name := strings.Repeat("x", i+1)
		if s := servers.ask(&Fork{Args: []string{name}}, -1, start); s != nil {
			t.Fatalf("server %+v before any was started", s)
		}
		if servers[name+"\x00\x00"].vain {
			t.Error("started at the first command")
		}
	}
	servers.ask(&Fork{Args: []string{"x"}}, -1, start.Add(serverWorth))
	if servers["x\x00\x00"].vain {
		t.Error("started for a command that came late")
	}
	servers.ask(&Fork{Args: []string{"x"}}, -1, start.Add(serverWorth+time.Second)) // there is no program x
	if !servers["x\x00\x00"].vain {
		t.Error("not started although commands came one after the other")
	}
	servers.ask(&Fork{Args: []string{"y"}}, -1, start.Add(3*serverWorth))
	if len(servers) != 1 {
		t.Errorf("%d servers are known, want those asked for lately", len(servers))
	}
}
