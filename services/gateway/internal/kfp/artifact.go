package kfp

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/artifact"
	"github.com/kfmesh/kfmesh/services/gateway/internal/rest"
)

// artifacts is the call that reads what a task wrote.
type artifacts struct {
	runs   pipelinev1.RunServiceClient
	bucket *blob.Bucket
}

// read answers {"data": "<base64>"}. The node of KFP is a task here, by its id,
// path, name or workload.
func (a artifacts) read(w http.ResponseWriter, r *http.Request) {
	content, err := a.open(r)
	if err != nil {
		rest.WriteError(w, err)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"data":"`) // from here on, a reader sees that the answer ends early
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(encoder, content); err != nil {
		return
	}
	_ = encoder.Close()
	_, _ = io.WriteString(w, `"}`)
}

func (a artifacts) open(r *http.Request) (io.ReadCloser, error) {
	name, ok := strings.CutSuffix(r.PathValue("artifact"), ":read")
	if !ok {
		return nil, fault.NotFoundf("there is nothing at %s; end it with :read", r.URL.Path)
	}
	task, err := a.task(r.Context(), r.PathValue("run_id"), r.PathValue("node_id"))
	if err != nil {
		return nil, err
	}
	written, err := output(task, name)
	if err != nil {
		return nil, err
	}
	return artifact.Open(r.Context(), a.bucket, written.GetUri())
}

// task finds a task of a run.
func (a artifacts) task(ctx context.Context, runID, node string) (*pipelinev1.Task, error) {
	listed, err := a.runs.ListTasks(ctx, &pipelinev1.ListTasksRequest{RunId: runID})
	if err != nil {
		return nil, err
	}
	var found *pipelinev1.Task
	for _, task := range listed.GetTasks() {
		switch node {
		case task.GetDetail().GetTaskId(), task.GetPath(), task.GetWorkload():
			return task, nil
		case task.GetName():
			if found != nil {
				return nil, fault.Invalidf("node_id", "several tasks of the run are called %q, %s and %s among them: give an id or a path",
					node, found.GetPath(), task.GetPath())
			}
			found = task
		}
	}
	if found == nil {
		return nil, fault.NotFoundf("run %q has no task %q", runID, node)
	}
	return found, nil
}

// output finds an artifact that a task wrote.
func output(task *pipelinev1.Task, name string) (*pipelinev1.TaskArtifact, error) {
	var found []*pipelinev1.TaskArtifact
	for _, written := range task.GetOutputArtifacts() {
		if written.GetKey() == name {
			found = append(found, written)
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.NotFoundf("task %q wrote no artifact %q", task.GetPath(), name)
	case 1:
		return found[0], nil
	}
	return nil, fault.Invalidf("artifact_name", "is a list of %d artifacts; read each at /kfmesh/v1/artifacts/{artifact_id}/content", len(found))
}
