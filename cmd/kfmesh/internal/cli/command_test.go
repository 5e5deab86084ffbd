package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

func TestExitStatusAndError(t *testing.T) {
	tests := []struct {
		args   string
		status int
		says   string
	}{
		{"gte", exitUsage, "Did you mean this?\n\tget"},
		{"get", exitUsage, "`kfmesh get --help` says how to use it"},
		{"get things", exitUsage, `"things" is not a kind of resource; the kinds are runs, recurringruns, pipelines`},
		{"get runs --colour", exitUsage, "unknown flag: --colour"},
		{"get runs -o xml", exitUsage, "table, wide, json, yaml, name"},
		{"get runs --limit -1", exitUsage, "give 0 for all"},
		{"get nodes --state failed", exitUsage, "--state: does not go with nodes"},
		{"get runs -w -o json", exitUsage, "--watch: goes with"},
		{"describe run", exitUsage, "which run?"},
		{"describe run nothing", exitFailed, "there is no run \"nothing\"; `kfmesh get runs` lists what there is"},
		{"describe artifact x7", exitFailed, `there is no artifact "x7"`},
		{"cancel run good", exitFailed, "has SUCCEEDED and cannot be terminated"},
		{"cancel node laptop", exitUsage, "cannot be canceled"},
		{"delete node laptop", exitUsage, "nodes cannot be deleted"},
		{"wait workload newer", exitUsage, "workloads cannot be waited for; runs and jobs can"},
		{"logs node laptop", exitUsage, "nodes have no logs"},
		{"logs workload newer --task x", exitUsage, "--task: goes with runs"},
		{"wait bad", exitFailed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			f := populated(t)
			f.steps = []stage{{pipelinev1.RuntimeState_FAILED, f.tasks[failedID]}}
			r := invoke(t, f, strings.Fields(tt.args)...)
			if r.status != tt.status {
				t.Errorf("status %d, want %d", r.status, tt.status)
			}
			if !strings.Contains(r.err, tt.says) {
				t.Errorf("error lacks %q:\n%s", tt.says, r.err)
			}
		})
	}
}

func TestReferenceThatMeansSeveral(t *testing.T) {
	f := populated(t)
	f.runs[1].DisplayName = "good"
	r := invoke(t, f, "delete", "run", "good")
	if r.status != exitUsage || len(f.requests) != 0 {
		t.Errorf("status %d, %d requests; want nothing deleted", r.status, len(f.requests))
	}
	for _, id := range []string{runID, failedID} {
		if !strings.Contains(r.err, id) {
			t.Errorf("error does not offer %s:\n%s", id, r.err)
		}
	}
}

func TestListReadsAllPages(t *testing.T) {
	f := populated(t)
	for len(f.runs) < 10 {
		f.runs = append(f.runs, f.runs[1])
	}
	for _, tt := range []struct {
		args  string
		lines int
	}{{"get runs -o name", 10}, {"get runs -o name --limit 0", 10}, {"get runs -o name --limit 4", 4}} {
		if r := invoke(t, f, strings.Fields(tt.args)...); strings.Count(r.out, "\n") != tt.lines {
			t.Errorf("%s: want %d lines:\n%s", tt.args, tt.lines, r.out)
		}
	}
}

func TestChangesAskTheServer(t *testing.T) {
	tests := []struct {
		args string
		want proto.Message
		out  string
	}{
		{"cancel last", &pipelinev1.TerminateRunRequest{RunId: failedID}, "canceling run " + failedID},
		{"cancel workload newer", &gpuagentv1.StopWorkloadRequest{Namespace: "default", Name: "newer", Message: "stopped with kfmesh cancel"}, "canceling workload newer"},
		{"delete run/0b1d22aa", &pipelinev1.DeleteRunRequest{RunId: failedID}, "deleted run " + failedID + " (bad)"},
		{"delete run/0b1d22aa --artifacts", &pipelinev1.DeleteRunRequest{RunId: failedID, DeleteArtifacts: true}, "deleted run " + failedID},
		{"retry last", &pipelinev1.RetryRunRequest{RunId: failedID}, "retrying run " + failedID},
		{"delete pipeline breast-cancer --cascade", &pipelinev1.DeletePipelineRequest{PipelineId: pipelineID, Cascade: true}, "deleted pipeline"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			f := populated(t)
			f.runs = f.runs[1:]
			r := invoke(t, f, strings.Fields(tt.args)...)
			if r.status != exitOK || !strings.Contains(r.out, tt.out) {
				t.Errorf("status %d, output %q, error %q", r.status, r.out, r.err)
			}
			if len(f.requests) != 1 || !proto.Equal(f.requests[0], tt.want) {
				t.Errorf("asked for %v, want %v", f.requests, tt.want)
			}
		})
	}
}

func TestUpload(t *testing.T) {
	f := populated(t)
	if r := invoke(t, f, "upload", tiny, "--name", "tiny"); r.status != exitOK || !strings.Contains(r.out, "kfmesh run --pipeline tiny") {
		t.Errorf("status %d, output %q, error %q", r.status, r.out, r.err)
	}
	if r := invoke(t, f, "upload", tiny, "--pipeline", "breast-cancer", "--name", "v2", "-o", "name"); r.out != "version/"+versionID+"\n" {
		t.Errorf("status %d, output %q, error %q", r.status, r.out, r.err)
	}
	first, ok := f.requests[0].(*pipelinev1.UploadPipelineRequest)
	if !ok || first.GetFileName() != "pipeline.yaml" || len(first.GetContent()) == 0 {
		t.Errorf("first request is %v", f.requests[0])
	}
	second, ok := f.requests[1].(*pipelinev1.UploadPipelineVersionRequest)
	if !ok || second.GetPipelineId() != pipelineID {
		t.Errorf("second request is %v", f.requests[1])
	}
}

func TestLogs(t *testing.T) {
	f := populated(t)
	f.taskLogs = []*pipelinev1.TaskLogChunk{
		{TaskPath: "load", Data: []byte("rea")},
		{TaskPath: "train", Data: []byte("epoch 1\nepo"), Attempt: 1},
		{TaskPath: "load", Data: []byte("ding\n")},
		{TaskPath: "train", Data: []byte("ch 2"), Attempt: 1},
		{TaskPath: "train", Data: []byte("again\n"), Attempt: 2},
	}
	f.logs = []*gpuagentv1.LogChunk{{Group: "worker", Index: 1, Data: []byte("hello\n")}}
	tests := []struct{ args, want string }{
		{"logs last", "train | epoch 1\nload | reading\ntrain (attempt 2) | again\ntrain | epoch 2\n"},
		{"logs last --task load", "reading\n"},
		{"logs workload newer", "worker-1 | hello\n"},
	}
	for _, tt := range tests {
		if r := invoke(t, f, strings.Fields(tt.args)...); r.out != tt.want {
			t.Errorf("%s: output %q, want %q (error %q)", tt.args, r.out, tt.want, r.err)
		}
	}
}

func TestVersionAsksTheServer(t *testing.T) {
	r := invoke(t, populated(t), "version")
	if !strings.Contains(r.out, "client  v0.0.0-test") || !strings.Contains(r.out, "server  v0.1.0 at 127.0.0.1:9090") {
		t.Errorf("output is %q", r.out)
	}
}

func TestCompletionOffersKindsAndIds(t *testing.T) {
	f := populated(t)
	kinds := invoke(t, f, "__complete", "describe", "")
	if !strings.Contains(kinds.out, "artifact\t") {
		t.Errorf("kinds offered: %s", kinds.out)
	}
	ids := invoke(t, f, "__complete", "describe", "run", "")
	if !strings.Contains(ids.out, runID+"\tgood") || !strings.Contains(ids.out, "last\t") {
		t.Errorf("runs offered: %s", ids.out)
	}
}

func TestServerIsTakenFromEnvironmentThenFlag(t *testing.T) {
	s := &Session{Environ: []string{"KFMESH_SERVER=10.0.0.1:1", "OTHER=x"}}
	if got := s.setting("KFMESH_SERVER", defaultServer); got != "10.0.0.1:1" {
		t.Errorf("server is %q", got)
	}
	if got := s.setting("KFMESH_NAMESPACE", "fallback"); got != "fallback" {
		t.Errorf("namespace is %q", got)
	}
}

// TestEveryCommandShowsExamples keeps help as helpful as it set out to be.
func TestEveryCommandShowsExamples(t *testing.T) {
	s, _ := quiet()
	for _, c := range Root(s).Commands() {
		if c.Example == "" || c.Short == "" {
			t.Errorf("command %q lacks an example or a short description", c.Name())
		}
	}
}

func TestErrorsOfTheEnvironmentAreNotUsage(t *testing.T) {
	s, printed := quiet()
	s.running = true
	if got := s.finish(t.Context(), Root(s), errors.New("disk full")); got != exitFailed {
		t.Errorf("status %d", got)
	}
	if printed.String() != "kfmesh: disk full\n" {
		t.Errorf("printed %q", printed)
	}
}

// quiet is a session without a server, and where its errors go.
func quiet() (*Session, *bytes.Buffer) {
	var errOut bytes.Buffer
	return &Session{Term: output.Captured(io.Discard, &errOut, time.Now)}, &errOut
}
