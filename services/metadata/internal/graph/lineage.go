package graph

import (
	"context"
	"maps"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/lineage"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// defaultHops is how far a walk goes that names no distance.
const defaultHops = 20

// Lineage walks from an artifact or an execution, in one snapshot.
func (g *Graph) Lineage(ctx context.Context, request *metadatav1.GetLineageRequest) (*metadatav1.GetLineageResponse, error) {
	hops := int(request.GetMaxHops())
	if hops == 0 {
		hops = defaultHops
	}
	response := new(metadatav1.GetLineageResponse)
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) error {
		reached, err := walk(ctx, tx, request, hops)
		if err != nil {
			return err
		}
		response.Events = protoEvents(reached.Events)
		if response.Artifacts, err = artifactsByID(ctx, tx, reached.Artifacts); err != nil {
			return err
		}
		response.Executions, err = executionsByID(ctx, tx, reached.Executions)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// walk walks from where the request says.
func walk(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.GetLineageRequest, hops int) (*lineage.Graph, error) {
	artifact, execution := request.GetArtifactId(), request.GetExecutionId()
	table, id, missing := "artifacts", artifact, noArtifact
	switch {
	case artifact != 0 && execution != 0:
		return nil, fault.Invalidf("execution_id", "is %d, and artifact_id is %d; want one of them", execution, artifact)
	case execution != 0:
		table, id, missing = "executions", execution, noExecution
	}
	known, err := tx.Row(ctx, sqlstore.Q("SELECT id FROM "+table+" WHERE id = ?", id), &id)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, missing(id)
	}
	ways := directions(request.GetDirection())
	if execution == 0 {
		return lineage.Walk(id, ways, hops, lookup(ctx, tx))
	}
	var touched []lineage.Event
	for _, t := range []metadatav1.Event_Type{metadatav1.Event_TYPE_INPUT, metadatav1.Event_TYPE_OUTPUT} {
		events, err := side(ctx, tx, t, "execution_id", []int64{id})
		if err != nil {
			return nil, err
		}
		touched = append(touched, events...)
	}
	return lineage.WalkExecution(id, touched, ways, hops, lookup(ctx, tx))
}

func directions(d metadatav1.GetLineageRequest_Direction) []lineage.Direction {
	switch d {
	case metadatav1.GetLineageRequest_DIRECTION_UP:
		return []lineage.Direction{lineage.Up}
	case metadatav1.GetLineageRequest_DIRECTION_DOWN:
		return []lineage.Direction{lineage.Down}
	}
	return []lineage.Direction{lineage.Up, lineage.Down}
}

// lookup reads the events around a frontier: two queries for every batch of it.
func lookup(ctx context.Context, tx *sqlstore.Tx) lineage.Lookup {
	return func(direction lineage.Direction, artifacts []int64) (events []lineage.Event, err error) {
		near, far := metadatav1.Event_TYPE_OUTPUT, metadatav1.Event_TYPE_INPUT
		if direction == lineage.Down {
			near, far = far, near
		}
		executions := map[int64]struct{}{}
		for some := range slices.Chunk(artifacts, batch) {
			found, err := side(ctx, tx, near, "artifact_id", some)
			if err != nil {
				return nil, err
			}
			for _, event := range found {
				executions[event.Execution] = struct{}{}
			}
			events = append(events, found...)
		}
		for some := range slices.Chunk(slices.Sorted(maps.Keys(executions)), batch) {
			found, err := side(ctx, tx, far, "execution_id", some)
			if err != nil {
				return nil, err
			}
			events = append(events, found...)
		}
		return events, nil
	}
}

// side reads the events of one type at some artifacts or executions.
func side(ctx context.Context, tx *sqlstore.Tx, t metadatav1.Event_Type, column string, ids []int64) ([]lineage.Event, error) {
	q := sqlstore.Q("SELECT "+eventColumns+" FROM events WHERE type = ? AND "+column+" IN", int(t)).List(boxed(ids)...)
	found, err := readEvents(ctx, tx, q)
	events := make([]lineage.Event, len(found))
	for i, e := range found {
		events[i] = lineage.Event{
			Execution: e.GetExecutionId(), Artifact: e.GetArtifactId(), Key: e.GetKey(), Index: e.GetIndex(),
			Output: e.GetType() == metadatav1.Event_TYPE_OUTPUT,
		}
	}
	return events, err
}

func protoEvents(events []lineage.Event) []*metadatav1.Event {
	list := make([]*metadatav1.Event, len(events))
	for i, e := range events {
		t := metadatav1.Event_TYPE_INPUT
		if e.Output {
			t = metadatav1.Event_TYPE_OUTPUT
		}
		list[i] = &metadatav1.Event{ExecutionId: e.Execution, ArtifactId: e.Artifact, Type: t, Key: e.Key, Index: e.Index}
	}
	return list
}
