package graph

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// The columns of each table, in the order in which its rows are read.
const (
	artifactColumns  = "id, uid, namespace, name, type, uri, metadata, digest, context, properties, created_at"
	executionColumns = "id, uid, namespace, name, type, state, context, input_parameters, output_parameters, " +
		"properties, started_at, finished_at, created_at"
	eventColumns = "execution_id, artifact_id, type, key, position"
)

func readArtifacts(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Artifact, error) {
	var artifacts []*metadatav1.Artifact
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		a := new(metadatav1.Artifact)
		var metadata, properties []byte
		var created int64
		err := scan(&a.ArtifactId, &a.Uid, &a.Namespace, &a.Name, &a.Type, &a.Uri, &metadata, &a.Digest, &a.Context, &properties, &created)
		if err != nil {
			return err
		}
		a.CreateTime = sqlstore.Time(created)
		artifacts = append(artifacts, a)
		if a.Properties, a.CustomProperties, err = decodeProperties(properties); err != nil {
			return err
		}
		a.Metadata, err = decode(metadata)
		return err
	})
	return artifacts, err
}

func readExecutions(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Execution, error) {
	var executions []*metadatav1.Execution
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		e := new(metadatav1.Execution)
		var state string
		var inputs, outputs, properties []byte
		var started, finished, created int64
		err := scan(&e.ExecutionId, &e.Uid, &e.Namespace, &e.Name, &e.Type, &state, &e.Context, &inputs, &outputs,
			&properties, &started, &finished, &created)
		if err != nil {
			return err
		}
		e.State = metadatav1.Execution_State(metadatav1.Execution_State_value[state])
		e.StartTime, e.FinishTime, e.CreateTime = sqlstore.Time(started), sqlstore.Time(finished), sqlstore.Time(created)
		executions = append(executions, e)
		if e.Properties, e.CustomProperties, err = decodeProperties(properties); err != nil {
			return err
		}
		if e.InputParameters, err = decode(inputs); err != nil {
			return err
		}
		e.OutputParameters, err = decode(outputs)
		return err
	})
	return executions, err
}

func readEvents(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Event, error) {
	var events []*metadatav1.Event
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		e := new(metadatav1.Event)
		events = append(events, e)
		return scan(&e.ExecutionId, &e.ArtifactId, &e.Type, &e.Key, &e.Index)
	})
	return events, err
}

// artifactsByID reads artifacts in the order of ids; those that are gone are left out.
func artifactsByID(ctx context.Context, tx *sqlstore.Tx, ids []int64) ([]*metadatav1.Artifact, error) {
	return byID(ids, func(q *sqlstore.Query) ([]*metadatav1.Artifact, error) {
		return readArtifacts(ctx, tx, sqlstore.Q("SELECT "+artifactColumns+" FROM artifacts WHERE id IN").Append(q))
	}, (*metadatav1.Artifact).GetArtifactId)
}

// executionsByID reads executions in the order of ids; those that are gone are left out.
func executionsByID(ctx context.Context, tx *sqlstore.Tx, ids []int64) ([]*metadatav1.Execution, error) {
	return byID(ids, func(q *sqlstore.Query) ([]*metadatav1.Execution, error) {
		return readExecutions(ctx, tx, sqlstore.Q("SELECT "+executionColumns+" FROM executions WHERE id IN").Append(q))
	}, (*metadatav1.Execution).GetExecutionId)
}

// byID reads items in batches of ids and sorts them into the order of ids.
func byID[T any](ids []int64, read func(list *sqlstore.Query) ([]T, error), idOf func(T) int64) ([]T, error) {
	found := make(map[int64]T, len(ids))
	for some := range slices.Chunk(ids, batch) {
		items, err := read(new(sqlstore.Query).List(boxed(some)...))
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			found[idOf(item)] = item
		}
	}
	items := make([]T, 0, len(ids))
	for _, id := range ids {
		if item, ok := found[id]; ok {
			items = append(items, item)
		}
	}
	return items, nil
}

func boxed[T any](values []T) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// encode packs a struct for a column. It is binary because JSON, unlike a
// struct, has no NaN, which metrics do hold. A struct without fields is stored
// like a missing one.
func encode(s *structpb.Struct) ([]byte, error) {
	packed, err := proto.Marshal(s)
	if err != nil {
		return nil, fault.Internalf(err, "metadata cannot be encoded")
	}
	return packed, nil
}

func decode(packed []byte) (*structpb.Struct, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	s := new(structpb.Struct)
	if err := proto.Unmarshal(packed, s); err != nil {
		return nil, fault.Internalf(err, "stored metadata cannot be read")
	}
	return s, nil
}
