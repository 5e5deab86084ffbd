package graph

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Put stores an execution, what it read and wrote, and the events between them.
//
// An execution or output that is known by its uid takes the new values, and
// keeps its number and create time. An input that is known stays as it is, and
// so does an output of a cached execution. Events of an earlier Put stay unless
// this one gives their key and index another artifact.
func (g *Graph) Put(ctx context.Context, request *metadatav1.PutExecutionRequest) (*metadatav1.PutExecutionResponse, error) {
	responses, err := g.PutAll(ctx, []*metadatav1.PutExecutionRequest{request})
	if err != nil {
		return nil, err
	}
	return responses[0], nil
}

// PutAll stores executions as a Put of each in turn would, all in one
// transaction.
func (g *Graph) PutAll(ctx context.Context, requests []*metadatav1.PutExecutionRequest) ([]*metadatav1.PutExecutionResponse, error) {
	now := sqlstore.Nanos(timestamppb.Now())
	responses := make([]*metadatav1.PutExecutionResponse, len(requests))
	err := g.db.Write(ctx, func(tx *sqlstore.Tx) (err error) {
		for i, request := range requests {
			if responses[i], err = put(ctx, tx, request, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return responses, nil
}

func put(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.PutExecutionRequest, now int64) (*metadatav1.PutExecutionResponse, error) {
	id, err := putExecution(ctx, tx, request.GetExecution(), now)
	if err != nil {
		return nil, err
	}
	numbers, err := putArtifacts(ctx, tx, sortOut(request), now)
	if err != nil {
		return nil, err
	}
	response := &metadatav1.PutExecutionResponse{
		ExecutionId:       id,
		InputArtifactIds:  pick(numbers, request.GetInputs()),
		OutputArtifactIds: pick(numbers, request.GetOutputs()),
	}
	return response, putEvents(ctx, tx, request, response)
}

func putExecution(ctx context.Context, tx *sqlstore.Tx, e *metadatav1.Execution, now int64) (id int64, err error) {
	inputs, err := encode(e.GetInputParameters())
	if err != nil {
		return 0, err
	}
	outputs, err := encode(e.GetOutputParameters())
	if err != nil {
		return 0, err
	}
	q := sqlstore.Q("INSERT INTO executions (uid, namespace, name, type, state, context, input_parameters,"+
		" output_parameters, started_at, finished_at, created_at) VALUES").
		List(e.GetUid(), e.GetNamespace(), e.GetName(), e.GetType(), e.GetState().String(), e.GetContext(), inputs, outputs,
			sqlstore.Nanos(e.GetStartTime()), sqlstore.Nanos(e.GetFinishTime()), firstSeen(e.GetCreateTime(), now)).
		Add("ON CONFLICT (uid) DO UPDATE SET namespace = excluded.namespace, name = excluded.name, type = excluded.type," +
			" state = excluded.state, context = excluded.context, input_parameters = excluded.input_parameters," +
			" output_parameters = excluded.output_parameters, started_at = excluded.started_at," +
			" finished_at = excluded.finished_at RETURNING id")
	_, err = tx.Row(ctx, q, &id)
	return id, err
}

// artifactSet is the artifacts of a request, each once.
type artifactSet struct {
	written map[string]*metadatav1.Artifact // to be inserted or updated
	named   map[string]*metadatav1.Artifact // to be inserted unless known
}

// sortOut says which artifacts of a request may change: the outputs, unless the
// execution was answered from the cache.
func sortOut(request *metadatav1.PutExecutionRequest) artifactSet {
	set := artifactSet{written: map[string]*metadatav1.Artifact{}, named: map[string]*metadatav1.Artifact{}}
	outputs := set.written
	if request.GetExecution().GetState() == metadatav1.Execution_STATE_CACHED {
		outputs = set.named
	}
	for _, event := range request.GetOutputs() {
		outputs[event.GetArtifact().GetUid()] = event.GetArtifact()
	}
	for _, event := range request.GetInputs() {
		uid := event.GetArtifact().GetUid()
		if set.written[uid] == nil && set.named[uid] == nil {
			set.named[uid] = event.GetArtifact()
		}
	}
	return set
}

// What happens to an artifact that is known: it takes the new values, all but
// its number and create time, or it stays as it is.
const (
	update = "ON CONFLICT (uid) DO UPDATE SET namespace = excluded.namespace, name = excluded.name, type = excluded.type," +
		" uri = excluded.uri, metadata = excluded.metadata, digest = excluded.digest, context = excluded.context"
	keep = "ON CONFLICT (uid) DO NOTHING"
)

// putArtifacts stores a set and returns the numbers by uid.
func putArtifacts(ctx context.Context, tx *sqlstore.Tx, set artifactSet, now int64) (map[string]int64, error) {
	numbers := make(map[string]int64, len(set.written)+len(set.named))
	if err := insert(ctx, tx, byUID(set.written), update, now, numbers); err != nil {
		return nil, err
	}
	known := func(uid string, _ *metadatav1.Artifact) bool {
		_, ok := numbers[uid]
		return ok
	}
	if err := numbersOf(ctx, tx, slices.Sorted(maps.Keys(set.named)), numbers); err != nil {
		return nil, err
	}
	maps.DeleteFunc(set.named, known)
	if err := insert(ctx, tx, byUID(set.named), keep, now, numbers); err != nil {
		return nil, err
	}
	maps.DeleteFunc(set.named, known) // what is left was inserted by another transaction just now
	return numbers, numbersOf(ctx, tx, slices.Sorted(maps.Keys(set.named)), numbers)
}

// byUID sorts artifacts.
func byUID(artifacts map[string]*metadatav1.Artifact) []*metadatav1.Artifact {
	return slices.SortedFunc(maps.Values(artifacts), func(a, b *metadatav1.Artifact) int {
		return strings.Compare(a.GetUid(), b.GetUid())
	})
}

// numbersOf looks up the artifacts that are known.
func numbersOf(ctx context.Context, tx *sqlstore.Tx, uids []string, numbers map[string]int64) error {
	for some := range slices.Chunk(uids, batch) {
		q := sqlstore.Q("SELECT uid, id FROM artifacts WHERE uid IN").List(boxed(some)...)
		if err := number(ctx, tx, q, numbers); err != nil {
			return err
		}
	}
	return nil
}

// insert adds artifacts; conflict says what happens to those that are known.
// It numbers all that it inserted or updated.
func insert(ctx context.Context, tx *sqlstore.Tx, artifacts []*metadatav1.Artifact, conflict string, now int64, numbers map[string]int64) error {
	for some := range slices.Chunk(artifacts, batch) {
		q := sqlstore.Q("INSERT INTO artifacts (uid, namespace, name, type, uri, metadata, digest, context, created_at) VALUES")
		for i, a := range some {
			if i > 0 {
				q.Add(",")
			}
			metadata, err := encode(a.GetMetadata())
			if err != nil {
				return err
			}
			q.List(a.GetUid(), a.GetNamespace(), a.GetName(), a.GetType(), a.GetUri(), metadata, a.GetDigest(), a.GetContext(),
				firstSeen(a.GetCreateTime(), now))
		}
		if err := number(ctx, tx, q.Add(conflict).Add("RETURNING uid, id"), numbers); err != nil {
			return err
		}
	}
	return nil
}

// number adds the rows (uid, id) of a statement to numbers.
func number(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query, numbers map[string]int64) error {
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var uid string
		var id int64
		if err := scan(&uid, &id); err != nil {
			return err
		}
		numbers[uid] = id
		return nil
	})
}

// pick lists the numbers of a request's artifacts in its order.
func pick(numbers map[string]int64, events []*metadatav1.ArtifactEvent) []int64 {
	picked := make([]int64, len(events))
	for i, event := range events {
		picked[i] = numbers[event.GetArtifact().GetUid()]
	}
	return picked
}

func putEvents(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.PutExecutionRequest, ids *metadatav1.PutExecutionResponse) error {
	rows := make([][]any, 0, len(request.GetInputs())+len(request.GetOutputs()))
	for i, event := range request.GetInputs() {
		rows = append(rows, []any{ids.GetExecutionId(), ids.GetInputArtifactIds()[i], int(metadatav1.Event_TYPE_INPUT), event.GetKey(), event.GetIndex()})
	}
	for i, event := range request.GetOutputs() {
		rows = append(rows, []any{ids.GetExecutionId(), ids.GetOutputArtifactIds()[i], int(metadatav1.Event_TYPE_OUTPUT), event.GetKey(), event.GetIndex()})
	}
	for some := range slices.Chunk(rows, batch) {
		q := sqlstore.Q("INSERT INTO events (" + eventColumns + ") VALUES")
		for i, row := range some {
			if i > 0 {
				q.Add(",")
			}
			q.List(row...)
		}
		q.Add("ON CONFLICT (execution_id, type, key, position) DO UPDATE SET artifact_id = excluded.artifact_id")
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// firstSeen is the create time of something new.
func firstSeen(created *timestamppb.Timestamp, now int64) int64 {
	if created == nil {
		return now
	}
	return sqlstore.Nanos(created)
}
