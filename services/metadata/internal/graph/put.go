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

// Put stores an execution, what it read and wrote, the events between them, and
// what they belong to.
//
// An execution or output that is known by its uid takes the new values, and
// keeps its number and create time. An input that is known stays as it is, and
// so does an output of a cached execution. Events of an earlier Put stay unless
// this one gives their key and index another artifact.
func (g *Graph) Put(ctx context.Context, request *metadatav1.PutExecutionRequest) (*metadatav1.PutExecutionResponse, error) {
	responses, err := g.PutAll(ctx, &metadatav1.PutExecutionsRequest{Requests: []*metadatav1.PutExecutionRequest{request}})
	if err != nil {
		return nil, err
	}
	return responses[0], nil
}

// PutAll stores executions as a Put of each in turn would, all in one
// transaction. It may change the requests: what followers add is added to them.
func (g *Graph) PutAll(ctx context.Context, request *metadatav1.PutExecutionsRequest) ([]*metadatav1.PutExecutionResponse, error) {
	var responses []*metadatav1.PutExecutionResponse
	err := g.db.Write(ctx, func(tx *sqlstore.Tx) error {
		responses = responses[:0]
		now := sqlstore.Nanos(timestamppb.Now())
		var contexts []*metadatav1.Context
		contexts = append(contexts, request.GetContexts()...)
		for _, r := range request.GetRequests() {
			contexts = append(contexts, r.GetContexts()...)
		}
		numbers, err := putContexts(ctx, tx, contexts, now)
		if err != nil {
			return err
		}
		for _, some := range distinct(request.GetRequests()) {
			w := &writing{tx: tx, now: now, shared: request.GetContexts(), contexts: numbers, requests: some}
			if err := w.put(ctx, g.followers); err != nil {
				return err
			}
			responses = append(responses, w.responses...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return responses, nil
}

// distinct parts requests so that no part has an execution twice.
func distinct(requests []*metadatav1.PutExecutionRequest) (parts [][]*metadatav1.PutExecutionRequest) {
	start, seen := 0, make(map[string]struct{}, len(requests))
	for i, r := range requests {
		uid := r.GetExecution().GetUid()
		if _, twice := seen[uid]; twice {
			parts, start = append(parts, requests[start:i]), i
			clear(seen)
		}
		seen[uid] = struct{}{}
	}
	return append(parts, requests[start:])
}

// writing is executions on their way into the database.
type writing struct {
	tx        *sqlstore.Tx
	now       int64
	shared    []*metadatav1.Context // of all of them
	contexts  map[string]int64      // numbers, by uid
	requests  []*metadatav1.PutExecutionRequest
	responses []*metadatav1.PutExecutionResponse
}

func (w *writing) put(ctx context.Context, followers []Follower) error {
	requests, err := w.merge(ctx)
	if err != nil {
		return err
	}
	executions, err := w.putExecutions(ctx, requests)
	if err != nil {
		return err
	}
	added := make([][]*metadatav1.ArtifactEvent, len(requests))
	for _, f := range followers {
		more, err := f.Put(ctx, w.tx, Batch{Requests: requests, Contexts: w.shared, Executions: executions})
		if err != nil {
			return err
		}
		for i, events := range more {
			added[i] = append(added[i], events...)
		}
	}
	artifacts, err := putArtifacts(ctx, w.tx, sortOut(requests, added), w.now)
	if err != nil {
		return err
	}
	for i, request := range requests {
		w.responses = append(w.responses, &metadatav1.PutExecutionResponse{
			ExecutionId:       executions[request.GetExecution().GetUid()],
			InputArtifactIds:  pick(artifacts, request.GetInputs()),
			OutputArtifactIds: pick(artifacts, request.GetOutputs()),
			AddedOutputs:      numbered(artifacts, added[i]),
		})
	}
	if err := w.putEvents(ctx, requests, added, artifacts); err != nil {
		return err
	}
	return w.associate(ctx, requests)
}

// putExecutions stores the executions and returns their numbers by uid.
func (w *writing) putExecutions(ctx context.Context, requests []*metadatav1.PutExecutionRequest) (map[string]int64, error) {
	numbers := make(map[string]int64, len(requests))
	for some := range slices.Chunk(requests, batch) {
		q := sqlstore.Q("INSERT INTO executions (uid, namespace, name, type, state, context, input_parameters," +
			" output_parameters, properties, started_at, finished_at, created_at) VALUES")
		for i, request := range some {
			if i > 0 {
				q.Add(",")
			}
			row, err := executionRow(request.GetExecution(), w.now)
			if err != nil {
				return nil, err
			}
			q.List(row...)
		}
		q.Add("ON CONFLICT (uid) DO UPDATE SET namespace = excluded.namespace, name = excluded.name, type = excluded.type," +
			" state = excluded.state, context = excluded.context, input_parameters = excluded.input_parameters," +
			" output_parameters = excluded.output_parameters, properties = excluded.properties, started_at = excluded.started_at," +
			" finished_at = excluded.finished_at RETURNING uid, id")
		if err := number(ctx, w.tx, q, numbers); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

func executionRow(e *metadatav1.Execution, now int64) ([]any, error) {
	inputs, err := encode(e.GetInputParameters())
	if err != nil {
		return nil, err
	}
	outputs, err := encode(e.GetOutputParameters())
	if err != nil {
		return nil, err
	}
	properties, err := encodeProperties(e)
	return []any{
		e.GetUid(), e.GetNamespace(), e.GetName(), e.GetType(), e.GetState().String(), e.GetContext(), inputs, outputs, properties,
		sqlstore.Nanos(e.GetStartTime()), sqlstore.Nanos(e.GetFinishTime()), firstSeen(e.GetCreateTime(), now),
	}, err
}

// artifactSet is the artifacts of requests, each once.
type artifactSet struct {
	written map[string]*metadatav1.Artifact // to be inserted or updated
	named   map[string]*metadatav1.Artifact // to be inserted unless known
}

// sortOut says which artifacts of requests may change: the outputs, unless the
// execution was answered from the cache, and all of those of whoever merges.
func sortOut(requests []*metadatav1.PutExecutionRequest, added [][]*metadatav1.ArtifactEvent) artifactSet {
	set := artifactSet{written: map[string]*metadatav1.Artifact{}, named: map[string]*metadatav1.Artifact{}}
	name := func(a *metadatav1.Artifact) {
		if set.named[a.GetUid()] == nil {
			set.named[a.GetUid()] = a
		}
	}
	for i, request := range requests {
		cached := request.GetExecution().GetState() == metadatav1.Execution_STATE_CACHED
		for _, event := range slices.Concat(request.GetOutputs(), added[i]) {
			if cached {
				name(event.GetArtifact())
			} else {
				set.written[event.GetArtifact().GetUid()] = event.GetArtifact()
			}
		}
		for _, event := range request.GetInputs() {
			if request.GetMerge() {
				set.written[event.GetArtifact().GetUid()] = event.GetArtifact()
			} else {
				name(event.GetArtifact())
			}
		}
	}
	for uid := range set.written {
		delete(set.named, uid)
	}
	return set
}

// What happens to artifacts that are known.
const (
	update = "ON CONFLICT (uid) DO UPDATE SET namespace = excluded.namespace, name = excluded.name, type = excluded.type," +
		" uri = excluded.uri, metadata = excluded.metadata, digest = excluded.digest, context = excluded.context," +
		" properties = excluded.properties"
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
		q := sqlstore.Q("INSERT INTO artifacts (uid, namespace, name, type, uri, metadata, digest, context, properties, created_at) VALUES")
		for i, a := range some {
			if i > 0 {
				q.Add(",")
			}
			metadata, err := encode(a.GetMetadata())
			if err != nil {
				return err
			}
			packed, err := encodeProperties(a)
			if err != nil {
				return err
			}
			q.List(a.GetUid(), a.GetNamespace(), a.GetName(), a.GetType(), a.GetUri(), metadata, a.GetDigest(), a.GetContext(), packed,
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

// numbered gives artifacts their numbers.
func numbered(numbers map[string]int64, events []*metadatav1.ArtifactEvent) []*metadatav1.ArtifactEvent {
	for _, event := range events {
		event.Artifact.ArtifactId = numbers[event.GetArtifact().GetUid()]
	}
	return events
}

func (w *writing) putEvents(ctx context.Context, requests []*metadatav1.PutExecutionRequest, added [][]*metadatav1.ArtifactEvent, artifacts map[string]int64) error {
	var rows [][]any
	for i, request := range requests {
		add := func(t metadatav1.Event_Type, events []*metadatav1.ArtifactEvent) {
			for _, event := range events {
				rows = append(rows, []any{
					w.responses[i].GetExecutionId(), artifacts[event.GetArtifact().GetUid()], int(t), event.GetKey(), event.GetIndex(),
				})
			}
		}
		add(metadatav1.Event_TYPE_INPUT, request.GetInputs())
		add(metadatav1.Event_TYPE_OUTPUT, request.GetOutputs())
		add(metadatav1.Event_TYPE_OUTPUT, added[i])
	}
	return insertRows(ctx, w.tx, "events ("+eventColumns+")", rows,
		"ON CONFLICT (execution_id, type, key, position) DO UPDATE SET artifact_id = excluded.artifact_id")
}

// associate joins the executions, and what they wrote, to what they belong to.
func (w *writing) associate(ctx context.Context, requests []*metadatav1.PutExecutionRequest) error {
	var executions, artifacts [][]any
	seen := map[[2]int64]bool{}
	for i, request := range requests {
		response := w.responses[i]
		outputs := slices.Clone(response.GetOutputArtifactIds())
		for _, event := range response.GetAddedOutputs() {
			outputs = append(outputs, event.GetArtifact().GetArtifactId())
		}
		own := map[int64]bool{}
		for _, c := range slices.Concat(w.shared, request.GetContexts()) {
			context := w.contexts[c.GetUid()]
			if own[context] {
				continue
			}
			own[context] = true
			executions = append(executions, []any{context, response.GetExecutionId()})
			for _, artifact := range outputs {
				if pair := [2]int64{context, artifact}; !seen[pair] {
					seen[pair] = true
					artifacts = append(artifacts, []any{context, artifact})
				}
			}
		}
	}
	if err := insertRows(ctx, w.tx, "associations (context_id, execution_id)", executions, "ON CONFLICT DO NOTHING"); err != nil {
		return err
	}
	return insertRows(ctx, w.tx, "attributions (context_id, artifact_id)", artifacts, "ON CONFLICT DO NOTHING")
}

// insertRows inserts rows into a table, which is named with its columns.
func insertRows(ctx context.Context, tx *sqlstore.Tx, into string, rows [][]any, conflict string) error {
	for some := range slices.Chunk(rows, batch) {
		q := sqlstore.Q("INSERT INTO " + into + " VALUES")
		for i, row := range some {
			if i > 0 {
				q.Add(",")
			}
			q.List(row...)
		}
		if _, err := tx.Exec(ctx, q.Add(conflict)); err != nil {
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
