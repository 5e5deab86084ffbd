package collect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const day = 24 * time.Hour

func TestArtifactsOfRunsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, "")
	w.finished(2, "e", day, "")
	for n := range 4 {
		w.write("artifacts/p/"+runID(n)+"/make/t/model", 0)
	}
	w.write("artifacts/p/shared/notes", 0)
	w.write("artifacts/p/loose", 0)
	w.goes("artifact artifacts/p/"+runID(0), "artifact artifacts/p/"+runID(3))
	want := []string{"artifacts/p/" + runID(1) + "/make/t/model", "artifacts/p/" + runID(2) + "/make/t/model", "artifacts/p/loose", "artifacts/p/shared/notes"}
	if got := w.files(); !slices.Equal(got, want) {
		t.Errorf("left are %q", got)
	}
}

// TestWhatIsUsedStays: of a run that is gone stays what a live run reads, what
// one reuses, and what a finished run that exists has used.
func TestWhatIsUsedStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	place := "artifacts/p/" + runID(0) + "/"
	read, reused := w.write(place+"a/t/read", 0), w.write(place+"b/t/tree/reused", 0)
	recorded, forgotten := w.write(place+"c/t/recorded", 0), w.write(place+"d/t/forgotten", 0)
	w.write(place+"a/t/executor_output.json", 0)
	w.live(1, "")
	w.task(1, read, strings.TrimSuffix(reused, "/reused"))
	w.finished(2, "e", day, "")
	w.books.uses = []*metadatav1.ArtifactUse{
		{Uri: recorded, Context: runID(0)}, {Uri: recorded, Context: runID(2)}, {Uri: forgotten, Context: runID(3)},
	}
	w.goes("artifact "+place+"a/t/executor_output.json", "artifact "+place+"d")
	if got, want := w.files(), []string{place + "a/t/read", place + "b/t/tree/reused", place + "c/t/recorded"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

// TestCollectionsAreCutOff: whatever a collection was doing when it was cut off,
// the next one ends it.
func TestCollectionsAreCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	used := w.write("artifacts/p/"+runID(0)+"/a/t/used", 0)
	w.write("artifacts/p/"+runID(0)+"/a/t/unused", 0)
	w.write("artifacts/p/"+runID(1)+"/a/t/unused", 0)
	w.live(2, "")
	w.task(2, used, "")
	w.books.broken = fault.Unavailablef("not now")
	if err := w.collector().Collect(t.Context(), false, func(*metav1.Garbage) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("it ended with %v", err)
	}
	if items, _, err := w.state.Condemned.List(t.Context(), ""); err != nil || len(items) != 2 || len(w.files()) != 3 {
		t.Fatalf("condemned %v, %v; left are %q", items, err, w.files())
	}
	w.books.broken = nil
	if err := w.collector().Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.files(); !slices.Equal(got, []string{"artifacts/p/" + runID(0) + "/a/t/used"}) {
		t.Errorf("left are %q", got)
	}
	w.goes()
}

// TestRunThatComesBack: a run that is retried between the look for it and its
// condemnation keeps its artifacts.
func TestRunThatComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("artifacts/p/"+runID(0)+"/a/t/model", 0)
	w.deps.State = state.New(returning{Memory: w.store, before: func(ops []store.Op) {
		if strings.Contains(ops[len(ops)-1].Key, "/condemned/") {
			w.live(0, "")
		}
	}})
	if got := w.collect(false); len(got) != 0 || len(w.files()) != 1 {
		t.Errorf("went %q", got)
	}
}

// returning is a store in which something happens right before each commit.
type returning struct {
	*store.Memory
	before func([]store.Op)
}

func (r returning) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	r.before(ops)
	return r.Memory.Commit(ctx, ops...)
}

func TestRunsThatAreTooOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention.Runs = 30 * day
	var want []string
	for n := range 8 {
		w.finished(n, "e", time.Duration(n)*10*day, "")
		w.write("artifacts/p/"+runID(n)+"/a/t/model", 0)
		w.write("logs/default/"+runID(n)+"-0123456789abc-1/main-0.log", 0)
		if n > 3 {
			want = append(want, "run "+runID(n), "artifact artifacts/p/"+runID(n), "log logs/default/"+runID(n)+"-0123456789abc-1")
		}
	}
	w.goes(want...)
}

func TestRunsThatAreTooMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention = garbage.Retention{RunsCount: 2, Runs: 90 * day}
	for _, e := range []string{"a", "b"} {
		if _, err := w.state.Experiments.Create(t.Context(), e, &pipelinev1.Experiment{ExperimentId: e, DisplayName: e}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 7 {
		w.finished(n, "a", time.Duration(n)*day, "")
	}
	w.finished(7, "b", day, "")
	w.finished(8, "b", 100*day, "")
	w.goes("run "+runID(2), "run "+runID(3), "run "+runID(4), "run "+runID(5), "run "+runID(6), "run "+runID(8))
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention.Runs = 30 * day
	for name, age := range map[string]time.Duration{
		"version": day, "recurring": day, "live": day, "finished": day, "old": day, "nobody": day, "fresh": time.Minute, "edge": 2 * blob.Fresh,
	} {
		w.write("specs/"+name, age)
	}
	if _, err := w.state.Versions.Create(t.Context(), "p/v", &pipelinev1.VersionState{SpecDigest: "sha256:version"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.state.Recurring.Create(t.Context(), "r", &pipelinev1.RecurringRunState{SpecDigest: "sha256:recurring"}); err != nil {
		t.Fatal(err)
	}
	w.live(1, "sha256:live")
	w.finished(2, "e", day, "sha256:finished")
	w.finished(3, "e", 40*day, "sha256:old") // goes, and its spec with it
	for n := 4; n < 9; n++ {
		w.finished(n, "e", day, "sha256:finished")
	}
	w.goes("run "+runID(3), "spec specs/old", "spec specs/nobody")
}

func TestLogsOfRunsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, "")
	for n := range 2 {
		w.write("logs/team/"+runID(n)+"-0123456789abc-1/main-0.log", 0)
		w.write("logs/team/"+runID(n)+"-0123456789abc-2/main-0.log", 0)
	}
	w.write("logs/default/my-job/main-0.log", 365*day)
	w.goes("log logs/team/"+runID(0)+"-0123456789abc-1", "log logs/team/"+runID(0)+"-0123456789abc-2")
}

func TestValuesOfRunsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention.Runs = 30 * day
	w.live(1, "")
	w.finished(2, "e", day, "")
	w.finished(3, "e", 40*day, "") // goes, and its values with it
	for n := range 4 {
		w.write("values/"+runID(n)+"/0123", day)
		w.write("handover/"+runID(n)+"/"+runID(n)+"-0123456789abc-1/0", 0)
	}
	w.goes("run "+runID(3), "values values/"+runID(3), "values values/"+runID(0), "handover handover/"+runID(3), "handover handover/"+runID(0))
	if got := len(w.files()); got != 4 {
		t.Errorf("left are %q", w.files())
	}
}

func TestParametersOfRunsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention.Runs = 30 * day
	w.live(1, "")
	w.finished(2, "e", day, "")
	w.finished(3, "e", 40*day, "") // goes, and its parameters with it
	for n := range 4 {
		w.write("parameters/"+runID(n), day)
	}
	w.write("parameters/"+runID(4), time.Minute) // of a run that is about to be
	w.goes("run "+runID(3), "parameters parameters/"+runID(3), "parameters parameters/"+runID(0))
	if got := len(w.files()); got != 3 {
		t.Errorf("left are %q", w.files())
	}
}

func TestCacheEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.retention.CacheTTL = 10 * day
	w.live(1, "")
	for key, entry := range map[string]struct {
		age time.Duration
		run int
	}{"young": {day, 1}, "expired": {11 * day, 1}, "gone": {day, 0}} {
		uri := w.write("artifacts/p/"+runID(entry.run)+"/"+key+"/t/model", 0)
		_, err := w.state.Cache.Create(t.Context(), state.CacheKey("default", "p", key), &pipelinev1.CacheEntry{
			CreatedAt: timestamppb.New(today.Add(-entry.age)),
			Task:      &pipelinev1.Task{OutputArtifacts: []*pipelinev1.TaskArtifact{{Uri: uri}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.goes("artifact artifacts/p/"+runID(0), "cache-entry gone", "cache-entry expired")
}

func TestEverythingIsKeptByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.finished(1, "e", 10*365*day, "")
	w.write("artifacts/p/"+runID(1)+"/a/t/model", 10*365*day)
	w.goes()
}

func TestCollectEndsWithItsReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 3 {
		w.write("artifacts/p/"+runID(n)+"/a/t/model", 0)
	}
	gone := errors.New("the reader has gone")
	calls := 0
	err := w.collector().Collect(t.Context(), false, func(*metav1.Garbage) error { calls++; return gone })
	if !errors.Is(err, gone) || calls != 1 {
		t.Errorf("after %d calls it ended with %v", calls, err)
	}
}
