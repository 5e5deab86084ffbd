package engine_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

func TestMain(main *testing.M) { goleak.VerifyTestMain(main) }

const (
	stateSucceeded = pipelinev1.RuntimeState_SUCCEEDED
	stateFailed    = pipelinev1.RuntimeState_FAILED
	stateSkipped   = pipelinev1.RuntimeState_SKIPPED
	stateCanceled  = pipelinev1.RuntimeState_CANCELED
)

// obey ends a workload as its image says: "ok" succeeds and writes its task's
// path to the output parameter, "exit N" fails, anything else runs on. A step
// with a directory for an artifact "model" writes it.
func obey(w *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
	template := w.GetSpec().GetGroups()[0].GetTemplate()
	var code int32
	if _, err := fmt.Sscanf(template.GetImage(), "exit %d", &code); err == nil {
		return exited(code)
	}
	if template.GetImage() != "ok" {
		return nil
	}
	files := map[string]string{}
	for _, r := range template.GetStaging().GetReturns() {
		if strings.HasSuffix(r.GetPath(), "/out") {
			files[r.GetPath()] = w.GetMetadata().GetAnnotations()["kfmesh.dev/task-path"]
		}
	}
	for i, dir := range template.GetStaging().GetDirectories() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return exited(1)
		}
		if i > 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "model"), []byte("weights"), 0o600); err != nil {
			return exited(1)
		}
	}
	return succeeded(files)
}

func TestChainRunsToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.start()
	run := w.archived(w.create(chain(3), nil))
	want := map[string]pipelinev1.RuntimeState{"": stateSucceeded, "s0": stateSucceeded, "s1": stateSucceeded, "s2": stateSucceeded}
	if got := tasks(run); !maps.Equal(got, want) {
		t.Errorf("tasks ended %v", got)
	}
	stored := run.GetState().GetRun()
	if stored.GetState() != stateSucceeded || stored.GetFinishedAt() == nil || stored.GetError() != nil {
		t.Errorf("the run ended as %v", stored)
	}
	if got := task(t, run, "s1").GetOutputParameters().AsMap()["out"]; got != "s1" {
		t.Errorf("s1 made %v", got)
	}
	if got := len(w.books.states()); got != 3 {
		t.Errorf("%d executions were recorded", got)
	}
	if task(t, run, "s2").GetDetail().GetExecutionId() == 0 {
		t.Error("the archive does not know the number of s2's execution")
	}
	w.eventually("the workloads are deleted", func() bool { return len(w.agent.names()) == 0 })
}

func TestFailureIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("bad", "exit 3")
	p.step("after", "ok", "bad")
	p.step("beside", "ok")
	w.start()
	run := w.archived(w.create(p.spec(), nil))
	want := map[string]pipelinev1.RuntimeState{"": stateFailed, "bad": stateFailed, "after": stateSkipped, "beside": stateSucceeded}
	if got := tasks(run); !maps.Equal(got, want) {
		t.Errorf("tasks ended %v", got)
	}
	if got, want := run.GetState().GetRun().GetError().GetMessage(), `task "bad" failed: exit status 3`; got != want {
		t.Errorf("the run says %q, want %q", got, want)
	}
	bad := task(t, run, "bad")
	if bad.GetExitCode() != 3 || bad.GetLogTail() != "the last words" || bad.GetMessage() != "exit status 3" {
		t.Errorf("the task says %v", bad)
	}
	if got := w.books.states()["bad"]; got != metadatav1.Execution_STATE_FAILED {
		t.Errorf("its execution is %s", got)
	}
}

func TestRetryAfterBackoff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failures := 2
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if failures--; failures >= 0 {
			return exited(1)
		}
		return obey(workload)
	}
	p := newPipeline()
	p.step("flaky", "ok")["retryPolicy"] = m{"maxRetryCount": 3, "backoffDuration": "0.02s", "backoffFactor": 2}
	w.start()
	begun := time.Now()
	run := w.archived(w.create(p.spec(), nil))
	if got := task(t, run, "flaky"); got.GetAttempts() != 3 || got.GetDetail().GetState() != stateSucceeded {
		t.Errorf("after %d attempts it is %s", got.GetAttempts(), got.GetDetail().GetState())
	}
	if got := task(t, run, "flaky").GetDetail().GetExecutorDetail(); len(got.GetFailedMainJobs()) != 2 ||
		!strings.HasSuffix(got.GetFailedMainJobs()[0], "-1") || !strings.HasSuffix(got.GetFailedMainJobs()[1], "-2") ||
		!strings.HasSuffix(got.GetMainJob(), "-3") {
		t.Errorf("its workloads are given as %v", got)
	}
	if took := time.Since(begun); took < 60*time.Millisecond {
		t.Errorf("three attempts took %s; the waits alone are 20 and 40 ms", took)
	}
}

func TestCancelStopsWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("long", "sleep")
	p.step("after", "ok", "long")
	p.step("waits", "exit 1")["retryPolicy"] = m{"maxRetryCount": 3, "backoffDuration": "3600s"}
	w.start()
	id := w.create(p.spec(), nil)
	w.workload("long")
	w.eventually("a retry is waited for", func() bool {
		items, _, err := w.state.Tasks.List(t.Context(), id+"/")
		return err == nil && slices.ContainsFunc(items, func(i store.Item[*pipelinev1.Task]) bool { return i.Value.GetAttempts() == 2 })
	})
	w.ask(id, func(r *pipelinev1.RunState) { r.CancelRequested = true })
	run := w.archived(id)
	want := map[string]pipelinev1.RuntimeState{"": stateCanceled, "long": stateCanceled, "after": stateCanceled, "waits": stateCanceled}
	if got := tasks(run); !maps.Equal(got, want) {
		t.Errorf("tasks ended %v", got)
	}
	if got := run.GetState().GetRun().GetState(); got != stateCanceled {
		t.Errorf("the run is %s", got)
	}
}

func TestDeleteForgetsALiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("long", "sleep")
	w.start()
	id := w.create(p.spec(), nil)
	w.workload("long")
	w.ask(id, func(r *pipelinev1.RunState) { r.DeleteRequested = true })
	w.eventually("the run is gone", func() bool { return w.gone(id) })
	if w.books.record(id) != nil {
		t.Error("a deleted run was archived")
	}
	w.eventually("the workloads are deleted", func() bool { return len(w.agent.names()) == 0 })
}

// TestRunThatChangesWhileItIsArchivedIsArchivedAnew: what the API writes to a run
// at its end is neither lost nor overtaken.
func TestRunThatChangesWhileItIsArchivedIsArchivedAnew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pipelinev1.RunState){
		"put away": func(r *pipelinev1.RunState) { r.GetRun().StorageState = pipelinev1.Run_ARCHIVED },
		"deleted":  func(r *pipelinev1.RunState) { r.DeleteRequested = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.agent.program = obey
			w.books.archiving = sync.OnceFunc(func() {
				items, _, err := w.state.Runs.List(t.Context(), "")
				if err != nil || len(items) != 1 {
					t.Errorf("the store has %v, %v", items, err)
					return
				}
				w.ask(items[0].Key, change)
			})
			w.start()
			id := w.create(chain(1), nil)
			w.eventually("the run is gone", func() bool { return w.gone(id) })
			record := w.books.record(id)
			if name == "deleted" {
				if record != nil {
					t.Errorf("the archive has %v", record)
				}
				return
			}
			if got := record.GetStorageState(); got != pipelinev1.Run_ARCHIVED.String() {
				t.Errorf("it is archived as %q", got)
			}
		})
	}
}

func TestCacheReusesOutputsThatStillExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("train", "ok")["cachingOptions"] = m{"enableCache": true}
	p.component("train")["outputDefinitions"].(m)["artifacts"] = m{"model": m{"artifactType": m{"schemaTitle": "system.Model"}}}
	w.start()
	first := w.archived(w.create(p.spec(), nil))
	model := task(t, first, "train").GetOutputArtifacts()[0]
	if model.GetDigest() == "" || model.GetUid() == "" || model.GetArtifactId() == 0 {
		t.Errorf("the artifact is %v", model)
	}
	second := w.archived(w.create(p.spec(), nil))
	hit := task(t, second, "train")
	if hit.GetCachedFromRunId() != first.GetState().GetRun().GetRunId() || hit.GetCachedFromTaskId() != task(t, first, "train").GetDetail().GetTaskId() ||
		hit.GetOutputArtifacts()[0].GetUid() != model.GetUid() {
		t.Errorf("the second run made %v", hit)
	}
	if err := os.Remove(model.GetUri()); err != nil {
		t.Fatal(err)
	}
	third := w.archived(w.create(p.spec(), nil))
	if from := task(t, third, "train").GetCachedFromRunId(); from != "" {
		t.Errorf("outputs of %s were reused though the artifact is gone", from)
	}
	if got := len(w.agent.starts()); got != 2 {
		t.Errorf("%d workloads ran", got)
	}
}

func TestExecutionThatIsRefusedKeepsNoOtherFromBeingRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.books.refused = "s1"
	w.start()
	run := w.archived(w.create(chain(3), nil))
	if got := run.GetState().GetRun().GetState(); got != stateSucceeded {
		t.Errorf("the run is %s", got)
	}
	for name, want := range map[string]bool{"s0": true, "s1": false, "s2": true} {
		if got := task(t, run, name).GetDetail().GetExecutionId() != 0; got != want {
			t.Errorf("%s is recorded: %t, want %t", name, got, want)
		}
	}
}

func TestMissingOutputFailsTheTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus { return succeeded(nil) }
	w.start()
	run := w.archived(w.create(chain(1), nil))
	if got := task(t, run, "s0").GetMessage(); !strings.Contains(got, `"out"`) {
		t.Errorf("the task says %q", got)
	}
}

func TestDamagedSpecFailsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	run := w.archived(w.create("}", nil))
	if got := run.GetState().GetRun(); got.GetState() != stateFailed || !strings.Contains(got.GetError().GetMessage(), "cannot start") {
		t.Errorf("the run ended as %v", got)
	}
}

func TestUnavailableAgentIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.agent.refuse(fault.Unavailablef("no agent yet"))
	w.start()
	id := w.create(chain(1), nil)
	w.eventually("the run is RUNNING", func() bool {
		item, err := w.state.Runs.Get(t.Context(), id)
		return err == nil && item.Value.GetRun().GetState() == pipelinev1.RuntimeState_RUNNING
	})
	w.agent.refuse(nil)
	if got := w.archived(id).GetState().GetRun().GetState(); got != stateSucceeded {
		t.Errorf("the run is %s", got)
	}
}

func TestWorkloadsOfForgottenRunsAreDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	id := w.create(chain(1), nil)
	w.workload("s0")
	w.stop()
	if err := w.state.Runs.Delete(t.Context(), id, store.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.eventually("the workload is deleted", func() bool { return len(w.agent.names()) == 0 })
	w.eventually("its tasks are deleted", func() bool { return w.gone(id) })
}

func TestNothingIsWrittenWithoutTheLead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.start(store.Op{Key: "/lead", Check: true, Expect: 7})
	id := w.create(chain(1), nil)
	w.eventually("the step has run", func() bool { return len(w.agent.starts()) == 1 })
	w.stop()
	item, err := w.state.Runs.Get(t.Context(), id)
	if err != nil || item.Value.GetRun().GetState() != pipelinev1.RuntimeState_PENDING {
		t.Errorf("the run is %v, %v", item.Value, err)
	}
}

func TestDeletedWorkloadFailsItsTask(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		broken bool // whether the stream of changes is down when it happens
	}{{"seen", false}, {"not seen", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			id := w.create(chain(1), nil)
			workload := w.workload("s0")
			w.agent.deleteUnseen(workload, test.broken)
			run := w.archived(id)
			if got, want := run.GetState().GetRun().GetError().GetMessage(), `task "s0" failed: its workload was deleted`; got != want {
				t.Errorf("the run says %q, want %q", got, want)
			}
		})
	}
}

// TestRunArchivedByAnotherLeaderIsNotRepeated: what the engine is told of runs
// may be old.
func TestRunArchivedByAnotherLeaderIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	w.told = state.New(store.NewMemory())
	var ids []string
	for range 2 {
		id := w.create(chain(1), nil)
		ids = append(ids, id)
		item, err := w.state.Runs.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.told.Runs.Create(t.Context(), id, item.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.state.Runs.Delete(t.Context(), ids[0], store.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.archived(ids[1])
	w.stop()
	if got := len(w.agent.starts()); got != 1 {
		t.Errorf("%d workloads were started, want that of the run that is live", got)
	}
}
