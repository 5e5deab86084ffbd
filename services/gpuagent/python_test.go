package gpuagent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/event"
)

// slowUV stands in for uv: it makes environments with venv, and its installs
// wait for a file and fail for packages named broken.
const slowUV = `#!/bin/sh
case "$1" in
--version) echo "uv 0.0.1 (test)" ;;
venv)
  for dir; do :; done
  exec python3 -m venv --without-pip "$dir"
  ;;
pip)
  case "$*" in *broken*) echo "no such package" >&2; exit 2 ;; esac
  while ! [ -e %[1]s/go ]; do sleep 0.01; done
  echo "$*" >> %[1]s/installs
  ;;
esac
`

func pythonNode(t *testing.T) (n *node, dir string) {
	n, dir = newNode(t), t.TempDir()
	n.uv = filepath.Join(dir, "uv")
	if err := os.WriteFile(n.uv, fmt.Appendf(nil, slowUV, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return n, dir
}

func TestStepsShareOneEnvironment(t *testing.T) {
	n, dir := pythonNode(t)
	a := n.start()
	for i := range 3 {
		w := shell(fmt.Sprint("w", i), `python3 -m pip install --quiet 'thing==1' && python3 -c 'import sys; print(sys.prefix)' > prefix`)
		w.Spec.Groups[0].Template.Staging = &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "prefix"}}}
		a.submit(w)
	}
	a.await("w0", func(s *gpuagentv1.WorkloadStatus) bool {
		return s.GetPhase() == gpuagentv1.Phase_PHASE_STARTING && s.GetMessage() == "installing thing==1"
	})
	touch(t, dir+"/go")
	prefixes := map[string]bool{}
	for i := range 3 {
		s := a.awaitEnd(fmt.Sprint("w", i))
		if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetMessage() != "" {
			t.Fatalf("status %v", s)
		}
		prefixes[string(s.GetReplicas()[0].GetFiles()[0].GetContent())] = true
	}
	if installs := strings.Count(awaitFile(t, dir+"/installs"), "thing==1"); installs != 1 || len(prefixes) != 1 {
		t.Errorf("%d installs, prefixes %v", installs, prefixes)
	}
}

func TestAFailedInstallIsInTheLog(t *testing.T) {
	n, _ := pythonNode(t)
	a := n.start()
	a.submit(shell("b", "pip install broken && echo never"))
	s := a.awaitEnd("b")
	if s.GetReason() != "InstallFailed" || s.GetMessage() != "cannot install broken" {
		t.Errorf("status %v", s)
	}
	want := "cannot install broken:\nno such package\n\n"
	if got, err := a.logs(&gpuagentv1.LogsRequest{Name: "b"}); err != nil || got != want || s.GetReplicas()[0].GetLogTail() != want {
		t.Errorf("log %q, %v, tail %q", got, err, s.GetReplicas()[0].GetLogTail())
	}
}

func TestAStopInterruptsAnInstall(t *testing.T) {
	n, _ := pythonNode(t)
	a := n.start()
	a.submit(shell("i", "pip install thing"))
	a.await("i", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetPhase() == gpuagentv1.Phase_PHASE_STARTING })
	if _, err := a.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "i"}); err != nil {
		t.Fatal(err)
	}
	if s := a.awaitEnd("i"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED {
		t.Errorf("status %v", s)
	}
}

func TestEnvironmentOfAStep(t *testing.T) {
	t.Setenv("MY_SECRET_TOKEN", "x")
	t.Setenv("ORDINARY", "y")
	a := newNode(t).start()
	w := shell("e", `env > env; test -d "$TMPDIR"`)
	w.Metadata.Annotations = map[string]string{"kfmesh.dev/traceparent": "00-1-2-01"}
	w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2"}}
	w.Spec.Groups[0].Template.Staging = &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "env"}}}
	a.submit(w)
	s := a.awaitEnd("e")
	env := "\n" + string(s.GetReplicas()[0].GetFiles()[0].GetContent())
	for entry, want := range map[string]bool{
		"\nORDINARY=y\n": true, "MY_SECRET_TOKEN": false, "\nA=2\n": true, "\nA=1\n": false, "\nLANG=": true, "\nHOME=": true,
		"\nKFMESH_WORKLOAD=e\n": true, "\nKFMESH_NAMESPACE=default\n": true, "\nTRACEPARENT=00-1-2-01\n": true,
	} {
		if strings.Contains(env, entry) != want {
			t.Errorf("%q: %v, want %v in %s", entry, !want, want, env)
		}
	}
}

func TestEvents(t *testing.T) {
	n := newNode(t)
	a := n.start()
	a.submit(shell("ev", "sleep 0.2"))
	a.awaitEnd("ev")
	if _, err := a.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "ev"}); err != nil {
		t.Fatal(err)
	}
	n.bus.(*recorder).await(t, "starting", "running", "succeeded", "deleted")
}

// recorder is a bus that keeps what is published.
type recorder struct {
	event.Bus
	mu   sync.Mutex
	seen []event.Event // guarded by mu
}

func (r *recorder) Publish(ctx context.Context, e event.Event) error {
	r.mu.Lock()
	r.seen = append(r.seen, e)
	r.mu.Unlock()
	return r.Bus.Publish(ctx, e)
}

// await waits until these things were said to have happened to one workload.
func (r *recorder) await(t *testing.T, whats ...string) {
	t.Helper()
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("events were %q", got)
		}
	}()
	eventually(t, fmt.Sprint("events ", whats), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = got[:0]
		for _, e := range r.seen {
			got = append(got, e.Subject.What)
			if want := "kfmesh.gpuagent.workload.default.ev." + e.Subject.What; e.Subject.String() != want || e.Data.GetUid() == "" {
				t.Fatalf("event %v, want subject %s", e, want)
			}
		}
		return slices.Equal(got, whats)
	})
}
