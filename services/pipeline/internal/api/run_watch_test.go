package api

import (
	"errors"
	"io"
	"strconv"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestWatchRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	stream := must(f.WatchRun(t.Context(), &pipelinev1.WatchRunRequest{RunId: run.GetRunId()}))(t)
	if first := must(stream.Recv())(t); first.GetState() != pipelinev1.RuntimeState_PENDING {
		t.Errorf("first came %s", first.GetState())
	}
	f.addTask(t, run.GetRunId(), task("t1", "", "", pipelinev1.RuntimeState_RUNNING))
	if second := must(stream.Recv())(t); len(second.GetRunDetails().GetTaskDetails()) != 1 {
		t.Errorf("after a task began came %v", second)
	}
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
	for {
		got, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			t.Fatal("the stream ended without the end of the run")
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.GetState() == pipelinev1.RuntimeState_SUCCEEDED {
			break
		}
	}
	if extra, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end came %v, %v", extra, err)
	}
}

func TestWatchRunThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stream := must(f.WatchRun(t.Context(), &pipelinev1.WatchRunRequest{RunId: "x"}))(t)
	_, err := stream.Recv()
	wantFault(t, err, fault.NotFound, `"x"`)
}

// withWorkload is a task whose attempts got workloads, of which the last is named.
func withWorkload(t *pipelinev1.Task, failed []string, last string) *pipelinev1.Task {
	t.Workload = last
	t.Detail.ExecutorDetail = &pipelinev1.PipelineTaskExecutorDetail{MainJob: last, FailedMainJobs: failed}
	return t
}

// readLogs reads a stream of logs to its end, by task path and attempt.
func readLogs(t *testing.T, f *fixture, r *pipelinev1.TaskLogsRequest) (map[string]string, error) {
	t.Helper()
	stream := must(f.TaskLogs(t.Context(), r))(t)
	got := map[string]string{}
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got[chunk.GetTaskPath()+"#"+strconv.Itoa(int(chunk.GetAttempt()))] += string(chunk.GetData())
	}
}

func TestTaskLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.logs.written = map[string]string{"w1-1": "no", "w1-2": "yes", "w2-1": "two"}
	run := f.start(t, nil)
	f.addTask(t, run.GetRunId(), withWorkload(task("t1", "", "train", pipelinev1.RuntimeState_SUCCEEDED), []string{"w1-1"}, "w1-2"))
	f.addTask(t, run.GetRunId(), withWorkload(task("t2", "", "loop[2]/test", pipelinev1.RuntimeState_SUCCEEDED), nil, "w2-1"))
	f.addTask(t, run.GetRunId(), withWorkload(task("t3", "", "lost", pipelinev1.RuntimeState_SUCCEEDED), nil, "gone"))
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
	all := map[string]string{"train#1": "no", "train#2": "yes", "loop[2]/test#1": "two"}
	for name, test := range map[string]struct {
		task   string
		follow bool
		want   []string
	}{
		"all":     {"", false, []string{"train#1", "train#2", "loop[2]/test#1"}},
		"follow":  {"", true, []string{"train#1", "train#2", "loop[2]/test#1"}},
		"by id":   {"t2", false, []string{"loop[2]/test#1"}},
		"by path": {"loop[2]/test", false, []string{"loop[2]/test#1"}},
		"no logs": {"lost", false, nil},
	} {
		got, err := readLogs(t, f, &pipelinev1.TaskLogsRequest{RunId: run.GetRunId(), Task: test.task, Follow: test.follow})
		if err != nil || len(got) != len(test.want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		for _, key := range test.want {
			if got[key] != all[key] {
				t.Errorf("%s: %s wrote %q, want %q", name, key, got[key], all[key])
			}
		}
	}
	_, err := readLogs(t, f, &pipelinev1.TaskLogsRequest{RunId: run.GetRunId(), Task: "x"})
	wantFault(t, err, fault.NotFound, `"x"`)
}

func TestTaskLogsFollowLiveRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.logs.written = map[string]string{"w1": "one", "w2": "two"}
	run := f.start(t, nil)
	f.addTask(t, run.GetRunId(), withWorkload(task("t1", "", "train", pipelinev1.RuntimeState_RUNNING), nil, "w1"))
	stream := must(f.TaskLogs(t.Context(), &pipelinev1.TaskLogsRequest{RunId: run.GetRunId(), Follow: true}))(t)
	if first := must(stream.Recv())(t); string(first.GetData()) != "one" {
		t.Errorf("first came %q", first.GetData())
	}
	f.addTask(t, run.GetRunId(), withWorkload(task("t2", "", "test", pipelinev1.RuntimeState_RUNNING), nil, "w2"))
	if second := must(stream.Recv())(t); string(second.GetData()) != "two" || second.GetTaskPath() != "test" {
		t.Errorf("then came %v", second)
	}
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
	if extra, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the run came %v, %v", extra, err)
	}
}

func TestTaskLogsFollowOneTask(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.logs.written = map[string]string{"w1": "one"}
	run := f.start(t, nil)
	f.addTask(t, run.GetRunId(), withWorkload(task("t1", "", "train", pipelinev1.RuntimeState_SUCCEEDED), nil, "w1"))
	got, err := readLogs(t, f, &pipelinev1.TaskLogsRequest{RunId: run.GetRunId(), Task: "t1", Follow: true})
	if err != nil || got["train#1"] != "one" {
		t.Errorf("got %v, %v; want the logs of the task, though the run goes on", got, err)
	}
}
