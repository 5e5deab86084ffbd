package graph

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// merge returns the requests with what is known of those that merge.
func (w *writing) merge(ctx context.Context) ([]*metadatav1.PutExecutionRequest, error) {
	executions, artifacts := map[string]*metadatav1.Execution{}, map[string]*metadatav1.Artifact{}
	for _, r := range w.requests {
		if r.GetMerge() {
			executions[r.GetExecution().GetUid()] = nil
			for _, event := range slices.Concat(r.GetInputs(), r.GetOutputs()) {
				artifacts[event.GetArtifact().GetUid()] = nil
			}
		}
	}
	if len(executions) == 0 {
		return w.requests, nil
	}
	if err := w.known(ctx, executions, artifacts); err != nil {
		return nil, err
	}
	requests := slices.Clone(w.requests)
	for i, r := range requests {
		if r.GetMerge() {
			requests[i] = mergeRequest(proto.CloneOf(r), executions, artifacts)
		}
	}
	return requests, nil
}

// known reads, and locks, what is known of executions and artifacts.
func (w *writing) known(ctx context.Context, executions map[string]*metadatav1.Execution, artifacts map[string]*metadatav1.Artifact) error {
	lock := w.tx.Dialect().ForUpdate()
	for some := range slices.Chunk(slices.Sorted(maps.Keys(executions)), batch) {
		q := sqlstore.Q("SELECT " + executionColumns + " FROM executions WHERE uid IN").List(boxed(some)...).Add("ORDER BY uid").Add(lock)
		found, err := readExecutions(ctx, w.tx, q)
		if err != nil {
			return err
		}
		for _, e := range found {
			executions[e.GetUid()] = e
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(artifacts)), batch) {
		q := sqlstore.Q("SELECT " + artifactColumns + " FROM artifacts WHERE uid IN").List(boxed(some)...).Add("ORDER BY uid").Add(lock)
		found, err := readArtifacts(ctx, w.tx, q)
		if err != nil {
			return err
		}
		for _, a := range found {
			artifacts[a.GetUid()] = a
		}
	}
	return nil
}

// mergeRequest lays a request over what is known, of which it adds its own to.
func mergeRequest(r *metadatav1.PutExecutionRequest, executions map[string]*metadatav1.Execution, artifacts map[string]*metadatav1.Artifact) *metadatav1.PutExecutionRequest {
	uid := r.GetExecution().GetUid()
	if known := executions[uid]; known != nil {
		r.Execution = mergeExecution(known, r.GetExecution())
	}
	executions[uid] = r.GetExecution()
	for _, event := range slices.Concat(r.GetInputs(), r.GetOutputs()) {
		uid := event.GetArtifact().GetUid()
		if known := artifacts[uid]; known != nil {
			event.Artifact = mergeArtifact(known, event.GetArtifact())
		}
		artifacts[uid] = event.GetArtifact()
	}
	return r
}

func mergeExecution(known, fresh *metadatav1.Execution) *metadatav1.Execution {
	all := proto.CloneOf(known)
	all.Namespace = cmp.Or(fresh.GetNamespace(), known.GetNamespace())
	all.Name = cmp.Or(fresh.GetName(), known.GetName())
	all.Type = cmp.Or(fresh.GetType(), known.GetType())
	all.Context = cmp.Or(fresh.GetContext(), known.GetContext())
	if !ended(known.GetState()) || ended(fresh.GetState()) {
		all.State = cmp.Or(fresh.GetState(), known.GetState())
	}
	all.InputParameters = mergeStruct(known.GetInputParameters(), fresh.GetInputParameters())
	all.OutputParameters = mergeStruct(known.GetOutputParameters(), fresh.GetOutputParameters())
	all.Properties = merged(known.GetProperties(), fresh.GetProperties())
	all.CustomProperties = merged(known.GetCustomProperties(), fresh.GetCustomProperties())
	if fresh.GetStartTime() != nil && (known.GetStartTime() == nil || fresh.GetStartTime().AsTime().Before(known.GetStartTime().AsTime())) {
		all.StartTime = fresh.GetStartTime()
	}
	if fresh.GetFinishTime() != nil {
		all.FinishTime = fresh.GetFinishTime()
	}
	return all
}

func mergeArtifact(known, fresh *metadatav1.Artifact) *metadatav1.Artifact {
	all := proto.CloneOf(known)
	all.Namespace = cmp.Or(fresh.GetNamespace(), known.GetNamespace())
	all.Name = cmp.Or(fresh.GetName(), known.GetName())
	all.Type = cmp.Or(fresh.GetType(), known.GetType())
	all.Uri = cmp.Or(fresh.GetUri(), known.GetUri())
	all.Digest = cmp.Or(fresh.GetDigest(), known.GetDigest())
	all.Context = cmp.Or(known.GetContext(), fresh.GetContext())
	all.Metadata = mergeStruct(known.GetMetadata(), fresh.GetMetadata())
	all.Properties = merged(known.GetProperties(), fresh.GetProperties())
	all.CustomProperties = merged(known.GetCustomProperties(), fresh.GetCustomProperties())
	return all
}

func mergeStruct(known, fresh *structpb.Struct) *structpb.Struct {
	if known == nil || fresh == nil {
		return cmp.Or(fresh, known)
	}
	return &structpb.Struct{Fields: merged(known.GetFields(), fresh.GetFields())}
}

// ended reports whether an execution in a state runs no more.
func ended(s metadatav1.Execution_State) bool {
	return s != metadatav1.Execution_STATE_UNSPECIFIED && s != metadatav1.Execution_STATE_RUNNING
}
