package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func TestOrderMovesToTheEndWhatIsPutAgain(t *testing.T) {
	o := newOrder()
	for _, id := range []string{"a", "b", "a", "c", "b"} {
		o.put(id)
	}
	if got := o.take(2); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("took %v", got)
	}
	o.put("a")
	if got := o.take(9); !slices.Equal(got, []string{"b", "a"}) || o.len() != 0 {
		t.Errorf("took %v, left %d", got, o.len())
	}
}

func TestInboxKeepsWhatComesWhileItIsRead(t *testing.T) {
	b := newInbox[int]()
	b.put(1)
	<-b.ready
	b.put(2)
	if got := b.take(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("took %v", got)
	}
	b.put(3)
	<-b.ready
	if got := b.take(); !slices.Equal(got, []int{3}) {
		t.Errorf("took %v", got)
	}
}

func TestLayout(t *testing.T) {
	local := launch.Run{ID: "r", PipelineName: "a/../b", PipelineRoot: "/data"}
	if got, want := layoutOf(local, "train", dag.Attempt{TaskID: "t", Number: 2}).TaskDir, "/data/a%2F..%2Fb/r/train/t-2"; got != want {
		t.Errorf("in place: %q, want %q", got, want)
	}
	remote := launch.Run{ID: "r", PipelineName: "p", PipelineRoot: "s3://b/x"}
	got := layoutOf(remote, "..", dag.Attempt{TaskID: "t", Number: 1})
	if want := "s3://b/x/p/r/_../t"; got.TaskURI != want || got.TaskDir != workdir+"/task" {
		t.Errorf("remote: %+v, want the URI %q", got, want)
	}
}

func TestWorkspace(t *testing.T) {
	for pipelineRoot, want := range map[string]string{"/data": "/data/a%2Fb/r/.workspace", "s3://b": ""} {
		if got := workspaceOf(launch.Run{ID: "r", PipelineName: "a/b", PipelineRoot: pipelineRoot}); got != want {
			t.Errorf("below %s it is %q, want %q", pipelineRoot, got, want)
		}
	}
}

func TestRemoteWorkloadUsesItsOwnDirectory(t *testing.T) {
	layout := layoutOf(launch.Run{ID: "r", PipelineName: "p", PipelineRoot: "s3://b"}, "t", dag.Attempt{TaskID: "t", Number: 1})
	w := unbound(t).workloadOf(dag.Launch{Attempt: dag.Attempt{TaskID: "t", Number: 1}}, launch.Request{Layout: layout}, "w", &launch.Launch{
		Args:        []string{"--to", layout.ArtifactPath("model"), "${HOME}"},
		Directories: []string{layout.TaskDir},
		Returns:     []string{layout.OutputFile()},
		Uploads:     []launch.Transfer{{URI: layout.ArtifactURI("model"), Path: layout.ArtifactPath("model")}},
	})
	template := w.GetSpec().GetGroups()[0].GetTemplate()
	if got, want := template.GetArgs(), []string{"--to", "${workdir}/task/model", "$${HOME}"}; !slices.Equal(got, want) {
		t.Errorf("args are %q, want %q", got, want)
	}
	s := template.GetStaging()
	if s.GetDirectories()[0] != "task" || s.GetUploads()[0].GetPath() != "task/model" || s.GetReturns()[0].GetMaxBytes() != maxOutputBytes {
		t.Errorf("staging is %v", s)
	}
	w.Status = &gpuagentv1.WorkloadStatus{Replicas: []*gpuagentv1.ReplicaStatus{{Files: []*gpuagentv1.ReturnedFile{
		{Path: s.GetReturns()[0].GetPath(), Content: []byte("{}")},
	}}}}
	if got := returnedFiles(layout, names{}, w); string(got[layout.OutputFile()].GetContent()) != "{}" {
		t.Errorf("files read back are %v", got)
	}
}

// unbound is an engine whose object store is no directory.
func unbound(t *testing.T) *Engine {
	t.Helper()
	bucket, err := blob.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	return &Engine{deps: Deps{Bucket: bucket}}
}

func TestWorkloadKeepsTheDeadline(t *testing.T) {
	for _, deadline := range []time.Duration{0, time.Minute} {
		w := unbound(t).workloadOf(dag.Launch{}, launch.Request{}, "w", &launch.Launch{Pod: launch.Pod{Deadline: deadline}})
		if got := w.GetSpec().GetDeadline(); got.AsDuration() != deadline || (got == nil) != (deadline == 0) {
			t.Errorf("a deadline of %v became %v", deadline, got)
		}
	}
}

func TestWorkloadNamesDiffer(t *testing.T) {
	const run = "7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10"
	seen := map[string]bool{}
	for _, a := range []dag.Attempt{
		{TaskID: "11111111-1111-1111-1111-111111111111", Number: 1},
		{TaskID: "11111111-1111-1111-1111-111111111111", Number: 11},
		{TaskID: "11111111-2111-1111-1111-111111111111", Number: 1},
	} {
		name := workloadName(run, a)
		if seen[name] || len(name) > 63 {
			t.Errorf("name %q", name)
		}
		seen[name] = true
	}
}

func TestFailuresAreSentences(t *testing.T) {
	status := func(reason, message string, replica *gpuagentv1.ReplicaStatus) *gpuagentv1.Workload {
		return &gpuagentv1.Workload{Status: &gpuagentv1.WorkloadStatus{
			Phase: gpuagentv1.Phase_PHASE_FAILED, Reason: reason, Message: message, Replicas: []*gpuagentv1.ReplicaStatus{replica},
		}}
	}
	for want, w := range map[string]*gpuagentv1.Workload{
		"exit status 3":      status("NonZeroExit", "", &gpuagentv1.ReplicaStatus{ExitCode: 3}),
		"it took too long":   status("DeadlineExceeded", "it took too long", nil),
		"SupervisorLost":     status("SupervisorLost", "", &gpuagentv1.ReplicaStatus{}),
		"no such program: x": status("", "failed", &gpuagentv1.ReplicaStatus{Message: "no such program: x"}),
	} {
		if got := resultOf(w); got.Message != want || got.Verdict != dag.Failed {
			t.Errorf("result is %+v, want %q", got, want)
		}
	}
}

func TestSentenceLeavesOutWhatIsForRequests(t *testing.T) {
	wrapped := fmt.Errorf("task: %w", fault.Invalidf("outputs.x", "x was not written"))
	for want, err := range map[string]error{
		"x was not written": wrapped,
		"plain":             errors.New("plain"),
		"gone":              fault.NotFoundf("gone"),
	} {
		if got := sentence(err); got != want {
			t.Errorf("sentence(%v) is %q, want %q", err, got, want)
		}
	}
}

func TestStepsBelongToTheTraceOfTheirRun(t *testing.T) {
	w := unbound(t).workloadOf(dag.Launch{}, launch.Request{}, "w", &launch.Launch{})
	addTrace(traced(t.Context(), "0123abcd-0000-4000-8000-00000000ef01"), w)
	got := w.GetMetadata().GetAnnotations()[traceAnnotation]
	if !strings.HasPrefix(got, "00-0123abcd00004000800000000000ef01-") || !strings.HasSuffix(got, "-01") {
		t.Errorf("the step is told %q", got)
	}
}
