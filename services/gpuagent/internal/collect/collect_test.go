package collect

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/garbage"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
)

const day = 24 * time.Hour

// node is a node as the test has it.
type node struct {
	busySince time.Time
	leftovers []engine.Leftover
}

func (n *node) BusySince() time.Time                  { return n.busySince }
func (n *node) Leftovers() ([]engine.Leftover, error) { return n.leftovers, nil }
func (n *node) RemoveLeftover(_ context.Context, l engine.Leftover) error {
	return os.RemoveAll(l.Path)
}

// world is what a collector works on.
type world struct {
	t    *testing.T
	dir  string
	node *node
	deps Deps
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	bucket, err := blob.Open(t.Context(), filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{}
	return &world{t: t, dir: dir, node: n, deps: Deps{Node: n, Envs: pyenv.NewCache(filepath.Join(dir, "envs"), "", nil), Bucket: bucket}}
}

// write makes a file that was last written some time ago, with what is above it.
func (w *world) write(name string, age time.Duration) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	at := time.Now().Add(-age)
	for ; path != w.dir; path = filepath.Dir(path) {
		if err := os.Chtimes(path, at, at); err != nil {
			w.t.Fatal(err)
		}
	}
}

// goes collects, dry and then in earnest, and compares what went.
func (w *world) goes(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	for _, dryRun := range []bool{true, false} {
		var got []string
		err := New(w.deps).Collect(w.t.Context(), dryRun, func(g *metav1.Garbage) error {
			if g.GetRemoved() == dryRun || g.GetReason() == "" || g.GetBytes() == 0 {
				w.t.Errorf("in a dry run (%v) it says %v", dryRun, g)
			}
			name := strings.TrimPrefix(g.GetName(), w.dir+"/")
			got = append(got, g.GetKind()+" "+name)
			return nil
		})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			w.t.Errorf("in a dry run (%v) there go %q, %v; want %q", dryRun, got, err, want)
		}
	}
}

func (w *world) has(name string) bool {
	_, err := os.Stat(filepath.Join(w.dir, name))
	return err == nil
}

func TestEnvironments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Retention.Environments = 30 * day
	w.write("envs/old/ready", 40*day)
	w.write("envs/new/ready", day)
	w.write("envs/half/venv/x", 2*time.Hour)
	w.write("envs/begun/venv/x", time.Minute)
	w.goes("environment old", "environment half")
	if w.has("envs/old") || !w.has("envs/new") || !w.has("envs/begun") {
		t.Error("too little is gone, or too much")
	}
}

// TestWhatRunsKeepsItsEnvironment: it was given out when the workload started,
// and that is long ago.
func TestWhatRunsKeepsItsEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Retention = garbage.Retention{Environments: day, EnvironmentBytes: 1}
	w.node.busySince = time.Now().Add(-40 * day)
	w.write("envs/used/ready", 40*day+30*time.Second) // as precisely as that is known
	w.write("envs/unused/ready", 41*day)
	w.goes("environment unused")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("blobs/logs/default/old/main-0.log", 40*day)
	w.write("blobs/logs/default/both/main-0.log", 40*day)
	w.write("blobs/logs/default/both/main-1.log", day)
	w.goes()
	w.deps.Retention.Logs = 30 * day
	w.goes("log blobs/logs/default/old")
}

func TestLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, l := range map[string]struct {
		age  time.Duration
		ours bool
	}{"left": {2 * time.Hour, true}, "starting": {time.Minute, true}, "stranger": {25 * time.Hour, false}, "young": {2 * time.Hour, false}, "used": {25 * time.Hour, false}} {
		w.write(name+"/file", l.age)
		w.node.leftovers = append(w.node.leftovers, engine.Leftover{Path: filepath.Join(w.dir, name), Run: name, Ours: l.ours})
	}
	user := exec.CommandContext(t.Context(), "sleep", "100")
	user.Env = []string{"TMPDIR=" + filepath.Join(w.dir, "used")}
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = user.Process.Kill()
		_ = user.Wait()
	})
	w.goes("workload left", "workload stranger")
}
