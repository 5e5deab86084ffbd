package tracking

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// What follows is for runs that others keep as rows of these tables: what of a
// row is not as plain as it looks.

// Place is where artifacts of an experiment go unless its maker says otherwise.
func Place(namespace string, experiment int64) string { return place(namespace, experiment) }

// RunPlace is where artifacts of a run go that is of an experiment with a place.
func RunPlace(experimentPlace, runID string) string {
	return under(experimentPlace, runID, "artifacts")
}

// AddMetrics adds points to the run with a number, which is of an experiment with
// one. Their keys must be such as LogBatch takes.
func AddMetrics(ctx context.Context, tx *sqlstore.Tx, run, experiment int64, metrics []*metadatav1.Metric) error {
	return putMetrics(ctx, tx, runRef{num: run, experiment: experiment}, bySeries(metrics))
}
