package api

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestCreateRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, func(r *pipelinev1.Run) {
		r.RuntimeConfig.Parameters["name"] = structpb.NewStringValue("[[RunUUID]]")
	})
	got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: run.GetRunId()}))(t)
	switch {
	case got.GetState() != pipelinev1.RuntimeState_PENDING, len(got.GetStateHistory()) != 1:
		t.Errorf("the new run is %s", got.GetState())
	case got.GetPipelineSpec() == nil, got.GetExperimentId() == "":
		t.Errorf("the new run lacks spec or experiment: %v", got)
	case got.GetFinishedAt() == nil || got.GetFinishedAt().GetSeconds() != 0:
		t.Errorf("it finished at %v; KFP says 1970", got.GetFinishedAt())
	case got.GetRuntimeConfig().GetParameters()["name"].GetStringValue() != run.GetRunId():
		t.Errorf("the macro became %v", got.GetRuntimeConfig())
	case got.GetRuntimeConfig().GetParameters()["times"] != nil:
		t.Error("a default that nobody asked for is shown as asked for")
	}
	stored := must(f.state.Runs.Get(t.Context(), run.GetRunId()))(t).Value
	if stored.GetPipelineName() != "hello" || stored.GetNamespace() != "default" || stored.GetSpecDigest() == "" || stored.GetRun().GetPipelineSpec() != nil {
		t.Errorf("stored as %v", stored)
	}
}

func TestCreateRunOfStoredVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.upload(t, "hello")
	newest := must(f.UploadPipelineVersion(t.Context(), &pipelinev1.UploadPipelineVersionRequest{
		PipelineId: p.GetPipelineId(), Name: "v2", Content: []byte(helloYAML),
	}))(t)
	reference := func(version string) *pipelinev1.Run_PipelineVersionReference {
		return &pipelinev1.Run_PipelineVersionReference{PipelineVersionReference: &pipelinev1.PipelineVersionReference{
			PipelineId: p.GetPipelineId(), PipelineVersionId: version,
		}}
	}
	for name, change := range map[string]func(*pipelinev1.Run){
		"named":  func(r *pipelinev1.Run) { r.PipelineSource = reference(newest.GetPipelineVersionId()) },
		"newest": func(r *pipelinev1.Run) { r.PipelineSource = reference("") },
		"version alone": func(r *pipelinev1.Run) {
			r.PipelineSource = &pipelinev1.Run_PipelineVersionId{PipelineVersionId: newest.GetPipelineVersionId()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := f.start(t, change)
			if got := run.GetPipelineVersionReference().GetPipelineVersionId(); got != newest.GetPipelineVersionId() {
				t.Errorf("it runs version %q", got)
			}
		})
	}
}

func TestCreateRunRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		change  func(*pipelinev1.Run)
		mention string
	}{
		"nothing to run":     {func(r *pipelinev1.Run) { r.PipelineSource = nil }, "pipeline_spec"},
		"relative root":      {func(r *pipelinev1.Run) { r.RuntimeConfig.PipelineRoot = "here" }, "runtime_config.pipeline_root"},
		"unknown bucket":     {func(r *pipelinev1.Run) { r.RuntimeConfig.PipelineRoot = "minio://x/y" }, "runtime_config.pipeline_root"},
		"missing parameter":  {func(r *pipelinev1.Run) { delete(r.RuntimeConfig.Parameters, "name") }, "runtime_config.parameters.name"},
		"extra parameter":    {func(r *pipelinev1.Run) { r.RuntimeConfig.Parameters["x"] = structpb.NewNullValue() }, "runtime_config.parameters.x"},
		"mistyped parameter": {func(r *pipelinev1.Run) { r.RuntimeConfig.Parameters["times"] = structpb.NewStringValue("3") }, "runtime_config.parameters.times"},
		"unknown experiment": {func(r *pipelinev1.Run) { r.ExperimentId = "x" }, "experiment_id"},
		"spec is no IR":      {func(r *pipelinev1.Run) { r.GetPipelineSpec().Fields = nil }, ""},
		"long description":   {func(r *pipelinev1.Run) { r.Description = strings.Repeat("x", 300<<10) }, "description"},
		"unknown pipeline": {func(r *pipelinev1.Run) {
			r.PipelineSource = &pipelinev1.Run_PipelineVersionReference{
				PipelineVersionReference: &pipelinev1.PipelineVersionReference{PipelineId: "x"},
			}
		}, "pipeline_version_reference.pipeline_id"},
		"unknown version": {func(r *pipelinev1.Run) {
			r.PipelineSource = &pipelinev1.Run_PipelineVersionReference{
				PipelineVersionReference: &pipelinev1.PipelineVersionReference{PipelineId: "x", PipelineVersionId: "y"},
			}
		}, "pipeline_version_reference.pipeline_version_id"},
	} {
		asked := helloRun(t)
		test.change(asked)
		_, err := f.CreateRun(t.Context(), &pipelinev1.CreateRunRequest{Run: asked})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
		wantFault(t, err, fault.Invalid, test.mention)
	}
	_, err := f.CreateRun(t.Context(), &pipelinev1.CreateRunRequest{})
	wantFault(t, err, fault.Invalid, "run")
	if all := must(values(t.Context(), f.state.Runs, ""))(t); len(all) != 0 {
		t.Errorf("refused requests left %d runs", len(all))
	}
}

// task is a task of a run as the engine stores it.
func task(id, parent, path string, in pipelinev1.RuntimeState) *pipelinev1.Task {
	return &pipelinev1.Task{
		Name: path, Path: path,
		Detail: &pipelinev1.PipelineTaskDetail{
			TaskId: id, ParentTaskId: parent, State: in, CreateTime: &timestamppb.Timestamp{Seconds: 1},
		},
	}
}

func TestTasksLiveAndFinished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	f.addTask(t, run.GetRunId(), task("t2", "t1", "greet", pipelinev1.RuntimeState_RUNNING))
	f.addTask(t, run.GetRunId(), task("t1", "", "", pipelinev1.RuntimeState_RUNNING))
	check := func(when string) {
		t.Helper()
		got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: run.GetRunId()}))(t)
		details := got.GetRunDetails().GetTaskDetails()
		if ids(details, (*pipelinev1.PipelineTaskDetail).GetTaskId) != "t1 t2" || details[0].GetChildTasks()[0].GetTaskId() != "t2" {
			t.Errorf("%s, its tasks are %v", when, details)
		}
		tasks := must(f.ListTasks(t.Context(), &pipelinev1.ListTasksRequest{RunId: run.GetRunId()}))(t)
		if ids(tasks.GetTasks(), (*pipelinev1.Task).GetPath) != " greet" {
			t.Errorf("%s, ListTasks gives %v", when, tasks)
		}
	}
	check("live")
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
	check("finished")
}

func TestTasksThatCameToBeAtOnceAreInTheOrderOfTheirStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	for path, started := range map[string]int64{"": 1, "b": 2, "c": 3, "a": 4, "z": 0, "y": 0} {
		one := task("id-"+path, "", path, pipelinev1.RuntimeState_PENDING)
		if started > 0 {
			one.Detail.StartTime = &timestamppb.Timestamp{Seconds: started}
		}
		f.addTask(t, run.GetRunId(), one)
	}
	late := task("id-0", "", "0", pipelinev1.RuntimeState_RUNNING)
	late.Detail.CreateTime = &timestamppb.Timestamp{Seconds: 2}
	f.addTask(t, run.GetRunId(), late)
	tasks := must(f.ListTasks(t.Context(), &pipelinev1.ListTasksRequest{RunId: run.GetRunId()}))(t)
	if got := ids(tasks.GetTasks(), (*pipelinev1.Task).GetPath); got != " b c a y z 0" {
		t.Errorf("they are in the order %q", got)
	}
}

func TestTerminateRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	for range 2 { // to ask twice is to ask once
		must(f.TerminateRun(t.Context(), &pipelinev1.TerminateRunRequest{RunId: run.GetRunId()}))(t)
	}
	stored := must(f.state.Runs.Get(t.Context(), run.GetRunId()))(t).Value
	if !stored.GetCancelRequested() || stored.GetRun().GetState() != pipelinev1.RuntimeState_CANCELING || len(stored.GetRun().GetStateHistory()) != 2 {
		t.Errorf("stored as %v", stored)
	}
	f.set(t, run.GetRunId(), func(r *pipelinev1.RunState) { r.Run.State = pipelinev1.RuntimeState_CANCELED })
	_, err := f.TerminateRun(t.Context(), &pipelinev1.TerminateRunRequest{RunId: run.GetRunId()})
	wantFault(t, err, fault.Precondition, "CANCELED")
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_CANCELED)
	_, err = f.TerminateRun(t.Context(), &pipelinev1.TerminateRunRequest{RunId: run.GetRunId()})
	wantFault(t, err, fault.Precondition, "CANCELED")
	_, err = f.TerminateRun(t.Context(), &pipelinev1.TerminateRunRequest{RunId: "x"})
	wantFault(t, err, fault.NotFound, `"x"`)
}

func TestDeleteRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	live, finished := f.start(t, nil), f.start(t, nil)
	f.finish(t, finished.GetRunId(), pipelinev1.RuntimeState_FAILED)
	for _, run := range []*pipelinev1.Run{live, finished} {
		must(f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: run.GetRunId()}))(t)
		_, err := f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: run.GetRunId()})
		wantFault(t, err, fault.NotFound, run.GetRunId())
		_, err = f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: run.GetRunId()})
		wantFault(t, err, fault.NotFound, run.GetRunId())
	}
	stored := must(f.state.Runs.Get(t.Context(), live.GetRunId()))(t).Value
	if !stored.GetDeleteRequested() || !stored.GetCancelRequested() {
		t.Errorf("the live run is stored as %v", stored)
	}
	if runs := must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{}))(t); runs.GetTotalSize() != 0 {
		t.Errorf("deleted runs are listed: %v", runs)
	}
}

func TestArchiveRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	live, finished := f.start(t, nil), f.start(t, nil)
	f.finish(t, finished.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
	for _, id := range []string{live.GetRunId(), finished.GetRunId()} {
		must(f.ArchiveRun(t.Context(), &pipelinev1.ArchiveRunRequest{RunId: id}))(t)
		if got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id}))(t); got.GetStorageState() != pipelinev1.Run_ARCHIVED {
			t.Errorf("run is %s", got.GetStorageState())
		}
		must(f.UnarchiveRun(t.Context(), &pipelinev1.UnarchiveRunRequest{RunId: id}))(t)
		if got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id}))(t); got.GetStorageState() != pipelinev1.Run_AVAILABLE {
			t.Errorf("run is %s", got.GetStorageState())
		}
	}
	_, err := f.ArchiveRun(t.Context(), &pipelinev1.ArchiveRunRequest{RunId: "x"})
	wantFault(t, err, fault.NotFound, `"x"`)
}
