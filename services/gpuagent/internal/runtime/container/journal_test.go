package container

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "container.1")
	started, stopped, later := time.Unix(10, 0).UTC(), time.Unix(20, 0).UTC(), time.Unix(30, 0).UTC()
	c := claim{Host: "unix:///x", Name: "n", Log: "/l", LogOffset: 7, Grace: time.Second, Deadline: time.Unix(99, 0).UTC()}
	if err := begin(path, claim{Name: "an earlier one that came to nothing"}); err != nil {
		t.Fatal(err)
	}
	if err := begin(path, c); err != nil {
		t.Fatal(err)
	}
	for _, r := range []record{{Started: &started}, {Stopped: &stopped}, {Stopped: &later}} {
		if err := note(path, r); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := record{Claim: &c, Started: &started, Stopped: &stopped}
	if got, err := readJournal(path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for cut := range whole { // at any byte
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readJournal(path)
		lines := bytes.Count(whole[:cut], []byte("\n"))
		if err != nil || (got.Claim != nil) != (lines > 0) || (got.Started != nil) != (lines > 1) || (got.Stopped != nil) != (lines > 2) {
			t.Fatalf("cut at %d: %+v, %v", cut, got, err)
		}
	}
	if err := os.WriteFile(path, []byte("garbage\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readJournal(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("garbage: error %v", err)
	}
}

func TestHistory(t *testing.T) {
	at := runtime.Place{Dir: t.TempDir()}
	r := New(Options{})
	now := time.Now()
	for _, step := range []struct {
		n       int
		started bool
		want    runtime.History
	}{
		{0, false, runtime.History{Next: 1}},
		{1, false, runtime.History{Next: 1}},
		{1, true, runtime.History{Attempts: []int{1}, Begun: 1, Next: 2, Open: true}},
		{2, false, runtime.History{Attempts: []int{1}, Begun: 1, Next: 2}},
		{2, true, runtime.History{Attempts: []int{1, 2}, Begun: 2, Next: 3, Open: true}},
	} {
		if step.n > 0 {
			if err := begin(journalPath(at, step.n), claim{Name: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		if step.started {
			if err := note(journalPath(at, step.n), record{Started: &now}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.History(at); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("after %+v: %+v, %v", step, got, err)
		}
	}
	if h, err := r.History(runtime.Place{Dir: filepath.Join(at.Dir, "absent")}); err != nil || h.Next != 1 {
		t.Errorf("a place that does not exist: %+v, %v", h, err)
	}
}

func TestExit(t *testing.T) {
	finish := time.Unix(1000, 0).UTC()
	before, after, deadline := finish.Add(-time.Second), finish.Add(time.Second), finish.Add(-2*time.Second)
	for name, tt := range map[string]struct {
		state    container.State
		limit    int64
		stopped  *time.Time
		deadline time.Time
		want     runtime.Cause
		reason   string
	}{
		"ended":                  {container.State{ExitCode: 3}, 0, nil, time.Time{}, runtime.Ended, ""},
		"stopped":                {container.State{ExitCode: 143}, 0, &before, time.Time{}, runtime.Stopped, ""},
		"ended before the stop":  {container.State{ExitCode: 0}, 0, &after, time.Time{}, runtime.Ended, ""},
		"stopped at its end":     {container.State{ExitCode: 143}, 0, &before, deadline, runtime.Deadline, ""},
		"stopped before its end": {container.State{ExitCode: 143}, 0, &before, after, runtime.Stopped, ""},
		"out of memory":          {container.State{ExitCode: 137, OOMKilled: true}, 64 << 20, nil, time.Time{}, runtime.Failed, "OOMKilled"},
		"a child out of memory":  {container.State{ExitCode: 0, OOMKilled: true}, 64 << 20, nil, time.Time{}, runtime.Ended, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.state.FinishedAt = finish.Format(time.RFC3339Nano)
			c := container.InspectResponse{State: &tt.state, HostConfig: &container.HostConfig{Resources: container.Resources{Memory: tt.limit}}}
			got := exitOf(c, record{Claim: &claim{Deadline: tt.deadline}, Stopped: tt.stopped})
			if got.Cause != tt.want || got.Reason != tt.reason || got.Code != tt.state.ExitCode || !got.Finish.Equal(finish) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSkipper(t *testing.T) {
	for skip, want := range map[int64]string{-1: "abcdef", 0: "abcdef", 2: "cdef", 3: "def", 5: "f", 6: "", 9: ""} {
		var out bytes.Buffer
		s := &skipper{to: &out, skip: skip}
		for _, piece := range []string{"abc", "", "d", "ef"} {
			if n, err := s.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatalf("skip %d: %d, %v", skip, n, err)
			}
		}
		if out.String() != want {
			t.Errorf("skip %d: %q, want %q", skip, out.String(), want)
		}
	}
}
