package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// makeAndUse is a pipeline of a step that makes an artifact and one that reads
// it, each with caching or without.
func makeAndUse(cacheMake, cacheUse bool) string {
	p := newPipeline()
	p.step("make", "ok")["cachingOptions"] = m{"enableCache": cacheMake}
	model := m{"artifactType": m{"schemaTitle": "system.Model"}}
	p.component("make")["outputDefinitions"].(m)["artifacts"] = m{"model": model}
	use := p.step("use", "ok", "make")
	use["cachingOptions"] = m{"enableCache": cacheUse}
	use["inputs"] = m{"artifacts": m{"model": m{"taskOutputArtifact": m{"producerTask": "make", "outputArtifactKey": "model"}}}}
	p.component("use")["inputDefinitions"] = m{"artifacts": m{"model": model}}
	return p.spec()
}

// making is obey, but what the artifact holds is up to write, which is given
// where it is to be.
func making(write func(path string) error) func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
	return func(w *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		status := obey(w)
		path := w.GetMetadata().GetAnnotations()["kfmesh.dev/task-path"]
		dirs := w.GetSpec().GetGroups()[0].GetTemplate().GetStaging().GetDirectories()
		if path != "make" || len(dirs) == 0 {
			return status
		}
		model := filepath.Join(dirs[0], "model")
		if err := errors.Join(os.RemoveAll(model), write(model)); err != nil {
			return exited(1)
		}
		return status
	}
}

// cachedFrom returns the run whose task was reused, by path.
func cachedFrom(t testing.TB, run *pipelinev1.ArchivedRun, path string) string {
	t.Helper()
	return task(t, run, path).GetCachedFromRunId()
}

// TestContentDecides: a step whose input has the same name as before is reused
// when it has the same content too, and only then.
func TestContentDecides(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 100)
	file := func(content string) func(string) error {
		return func(at string) error { return os.WriteFile(at, []byte(content), 0o600) }
	}
	tree := func(names ...string) func(string) error {
		return func(at string) error {
			for _, name := range names {
				if err := os.MkdirAll(filepath.Join(at, filepath.Dir(name)), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(at, name), []byte("x"), 0o600); err != nil {
					return err
				}
			}
			return nil
		}
	}
	nothing := func(string) error { return nil }
	tests := map[string]struct {
		first, second func(string) error
		hit           bool
	}{
		"same file":             {file("a"), file("a"), true},
		"other file":            {file("a"), file("b"), false},
		"same tree":             {tree("x", "d/y"), tree("d/y", "x"), true},
		"other tree":            {tree("x", "d/y"), tree("x", "d/z"), false},
		"nothing twice":         {nothing, nothing, true},
		"something and nothing": {file(""), nothing, false},
		"too large to know":     {file(large), file(large), false}, // it is elsewhere, so it may be other
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.MaxDigestBytes = int64(len(large)) - 1
			var second atomic.Bool
			w.agent.program = making(func(at string) error {
				if second.Load() {
					return tt.second(at)
				}
				return tt.first(at)
			})
			w.start()
			first := w.archived(w.create(makeAndUse(false, true), nil))
			second.Store(true)
			again := w.archived(w.create(makeAndUse(false, true), nil))
			want := ""
			if tt.hit {
				want = first.GetState().GetRun().GetRunId()
			}
			if got := cachedFrom(t, again, "use"); got != want {
				t.Errorf("the step was reused from %q, want %q", got, want)
			}
		})
	}
}

// TestSpoiltArtifactIsMadeAgain: an entry whose artifact is not what the task
// made is of no use, and goes.
func TestSpoiltArtifactIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(string) error{
		"gone":       os.RemoveAll,
		"overwrites": func(at string) error { return os.WriteFile(at, []byte("other"), 0o600) },
		"truncated":  func(at string) error { return os.Truncate(at, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.agent.program = obey
			w.start()
			first := w.archived(w.create(makeAndUse(true, true), nil))
			if err := spoil(task(t, first, "make").GetOutputArtifacts()[0].GetUri()); err != nil {
				t.Fatal(err)
			}
			again := w.archived(w.create(makeAndUse(true, true), nil))
			if from := cachedFrom(t, again, "make"); from != "" {
				t.Errorf("it was reused from run %s", from)
			}
			if from := cachedFrom(t, again, "use"); from != first.GetState().GetRun().GetRunId() {
				t.Errorf("what depends on it has the input it had, and was reused from %q", from)
			}
			entry, _, err := w.state.Cache.List(t.Context(), state.CacheScope("default", "test"))
			if err != nil || len(entry) != 2 {
				t.Errorf("%d entries are left, %v; want one for each step", len(entry), err)
			}
		})
	}
}

// TestEntryOfWhatIsGoneIsDropped: it goes when it is found to be of no use, and
// not only when the task succeeds again.
func TestEntryOfWhatIsGoneIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.start()
	first := w.archived(w.create(makeAndUse(true, false), nil))
	if err := os.Remove(task(t, first, "make").GetOutputArtifacts()[0].GetUri()); err != nil {
		t.Fatal(err)
	}
	w.agent.program = func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus { return exited(1) }
	w.archived(w.create(makeAndUse(true, false), nil))
	if entries, _, err := w.state.Cache.List(t.Context(), ""); err != nil || len(entries) != 0 {
		t.Errorf("entries %v, %v", entries, err)
	}
}

func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ttl time.Duration
		hit bool
	}{"never": {0, true}, "not yet": {time.Hour, true}, "long ago": {time.Nanosecond, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.CacheTTL = tt.ttl
			w.agent.program = obey
			w.start()
			w.archived(w.create(makeAndUse(true, true), nil))
			again := w.archived(w.create(makeAndUse(true, true), nil))
			if hit := cachedFrom(t, again, "make") != ""; hit != tt.hit {
				t.Errorf("reused: %v, want %v", hit, tt.hit)
			}
		})
	}
}

// TestDirectoriesInABucketAreReused: in a bucket a directory is no object.
func TestDirectoriesInABucketAreReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bucket, err := blob.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	w.bucket = bucket
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		for _, upload := range workload.GetSpec().GetGroups()[0].GetTemplate().GetStaging().GetUploads() {
			key := strings.TrimPrefix(upload.GetUri(), bucket.URI("")) + "/model/part-0"
			if err := bucket.Put(context.Background(), key, []byte("weights")); err != nil {
				return exited(1)
			}
		}
		return obeyElsewhere(workload)
	}
	w.start()
	first := w.archived(w.create(makeAndUse(true, true), nil))
	second := w.archived(w.create(makeAndUse(true, true), nil))
	for _, path := range []string{"make", "use"} {
		if got := cachedFrom(t, second, path); got != first.GetState().GetRun().GetRunId() {
			t.Errorf("%s was reused from %q", path, got)
		}
	}
	model := strings.TrimPrefix(task(t, first, "make").GetOutputArtifacts()[0].GetUri(), bucket.URI(""))
	if err := bucket.RemoveTree(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	third := w.archived(w.create(makeAndUse(true, true), nil))
	if got := cachedFrom(t, third, "make"); got != "" {
		t.Errorf("what is gone was reused from %q", got)
	}
	if got := cachedFrom(t, third, "use"); got != first.GetState().GetRun().GetRunId() {
		t.Errorf("the bucket knows that the content is the same, and the step was reused from %q", got)
	}
}

// obeyElsewhere succeeds and leaves output parameters, without touching files.
func obeyElsewhere(w *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
	files := map[string]string{}
	for _, r := range w.GetSpec().GetGroups()[0].GetTemplate().GetStaging().GetReturns() {
		if strings.HasSuffix(r.GetPath(), "/out") {
			files[r.GetPath()] = "out"
		}
	}
	return succeeded(files)
}

// TestImportOfOtherContent: what is at the URI of an importer may change.
func TestImportOfOtherContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.start()
	data := filepath.Join(t.TempDir(), "data.csv")
	run := func(content string) *pipelinev1.ArchivedRun {
		if err := os.WriteFile(data, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return w.archived(w.create(importAndUse(data), nil))
	}
	run("one")
	if cachedFrom(t, run("one"), "use") == "" {
		t.Error("the same content was read again")
	}
	if from := cachedFrom(t, run("two"), "use"); from != "" {
		t.Errorf("other content was taken for that of run %s", from)
	}
}

// importAndUse is a pipeline that imports a file and reads it.
func importAndUse(uri string) string {
	p := newPipeline()
	data := m{"artifactType": m{"schemaTitle": "system.Dataset"}}
	p.tasks["import"] = m{"taskInfo": m{"name": "import"}, "componentRef": m{"name": "comp-import"}}
	p.components["comp-import"] = m{"executorLabel": "exec-import", "outputDefinitions": m{"artifacts": m{"artifact": data}}}
	p.executors["exec-import"] = m{"importer": m{"artifactUri": m{"constant": uri}, "typeSchema": m{"schemaTitle": "system.Dataset"}}}
	use := p.step("use", "ok", "import")
	use["cachingOptions"] = m{"enableCache": true}
	use["inputs"] = m{"artifacts": m{"data": m{"taskOutputArtifact": m{"producerTask": "import", "outputArtifactKey": "artifact"}}}}
	p.component("use")["inputDefinitions"] = m{"artifacts": m{"data": data}}
	return p.spec()
}

// TestCondemnedIsNotReused: once the artifacts of a run are to be removed, no
// hit may come of them, not even one that was found before and is yet to be saved.
func TestCondemnedIsNotReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.start()
	first := w.create(makeAndUse(true, true), nil)
	w.archived(first)
	w.stop()

	condemned := false
	w.state = state.New(watched{Memory: w.store, before: func(op store.Op) {
		if strings.Contains(op.Key, "/tasks/") && !condemned {
			condemned = true
			if _, err := w.told.Condemned.Create(context.Background(), first, &pipelinev1.CondemnedRun{Place: "test/" + first}); err != nil {
				t.Error(err)
			}
		}
	}})
	w.start()
	second := w.archived(w.create(makeAndUse(true, true), nil))
	for _, path := range []string{"make", "use"} {
		if state := task(t, second, path).GetDetail().GetState(); state != stateSucceeded {
			t.Errorf("%s ended %s", path, state)
		}
	}
	if from := cachedFrom(t, second, "make"); from != "" {
		t.Errorf("a condemned artifact was reused from %s", from)
	}
}
