// Package graph keeps artifacts, executions, the events that join them, and the
// contexts that they belong to, in SQL.
//
// Artifacts, executions and contexts have a uid, which their writer chooses, and a
// number, which the database assigns once and never reuses. Put stores an
// execution with everything it touched in one transaction: a reader sees all of
// it or nothing, and repeating it finds the same numbers and adds nothing.
//
// A context is joined to the executions that were put with it (association) and
// to what they wrote (attribution), and may be part of other contexts.
//
// Concurrency. A Put takes rows in one order (contexts, executions, artifacts by
// uid, events), so that writers that share artifacts queue and do not
// deadlock. Batches that share artifacts can; the database ends one of them,
// and its transaction is repeated.
package graph

import (
	"context"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// batch is how many rows or values one statement carries at most, far below
// both engines' limits on placeholders.
const batch = 500

// Graph is the graph in one database. It is safe for concurrent use.
type Graph struct {
	db        *sqlstore.DB
	followers []Follower
}

// Batch is executions that were just stored.
type Batch struct {
	Requests   []*metadatav1.PutExecutionRequest
	Contexts   []*metadatav1.Context // of all of them, beside their own
	Executions map[string]int64      // numbers, by uid
}

// Follower takes part in storing executions.
type Follower interface {
	// Put is called in the transaction that stores a batch, after the executions
	// and before the artifacts. It may return outputs to be added to those of each
	// request. It may be called again for the same batch, and has to have no
	// effect outside of the transaction.
	Put(ctx context.Context, tx *sqlstore.Tx, batch Batch) ([][]*metadatav1.ArtifactEvent, error)
}

// New returns the graph in db.
func New(db *sqlstore.DB, followers ...Follower) *Graph { return &Graph{db: db, followers: followers} }

// Artifact returns one artifact, or a NotFound fault.
func (g *Graph) Artifact(ctx context.Context, id int64) (*metadatav1.Artifact, error) {
	var found []*metadatav1.Artifact
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		found, err = artifactsByID(ctx, tx, []int64{id})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noArtifact(id)
	}
	return found[0], nil
}

// Execution returns one execution, or a NotFound fault.
func (g *Graph) Execution(ctx context.Context, id int64) (*metadatav1.Execution, error) {
	var found []*metadatav1.Execution
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		found, err = executionsByID(ctx, tx, []int64{id})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noExecution(id)
	}
	return found[0], nil
}

// DeleteArtifact forgets an artifact and its events, or returns a NotFound fault.
func (g *Graph) DeleteArtifact(ctx context.Context, id int64) error {
	return g.db.Write(ctx, func(tx *sqlstore.Tx) error {
		deleted, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM artifacts WHERE id = ?", id)) // its events go with it
		if err == nil && deleted == 0 {
			err = noArtifact(id)
		}
		return err
	})
}

// Events returns the events of an execution, of an artifact, or those that join
// the two; 0 stands for any. They are sorted by execution, inputs first.
func (g *Graph) Events(ctx context.Context, execution, artifact int64) ([]*metadatav1.Event, error) {
	q := sqlstore.Q("SELECT " + eventColumns + " FROM events WHERE")
	switch {
	case execution != 0 && artifact != 0:
		q.Add("execution_id = ? AND artifact_id = ?", execution, artifact)
	case execution != 0:
		q.Add("execution_id = ?", execution)
	case artifact != 0:
		q.Add("artifact_id = ?", artifact)
	default:
		return nil, fault.Invalidf("execution_id", "is 0, and so is artifact_id; want the number of one of them")
	}
	q.Add("ORDER BY execution_id, type, key, position")
	var events []*metadatav1.Event
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		events, err = readEvents(ctx, tx, q)
		return err
	})
	return events, err
}

func noArtifact(id int64) error {
	return fault.NotFoundf("there is no artifact %d", id).WithReason("ARTIFACT_NOT_FOUND")
}

func noExecution(id int64) error {
	return fault.NotFoundf("there is no execution %d", id).WithReason("EXECUTION_NOT_FOUND")
}
