package mirror

import (
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// statuses are those of tracked runs by the state of a pipeline run.
var statuses = map[string]string{
	"PENDING": "SCHEDULED", "RUNNING": running, "CANCELING": running, "PAUSED": running,
	"SUCCEEDED": finished, "SKIPPED": finished, "FAILED": failed, "CANCELED": killed,
}

// Running reports whether the tracked run of a pipeline run is not there or has
// not ended: then that it runs is no news.
func Running(ctx context.Context, tx *sqlstore.Tx, runID string) (bool, error) {
	var status string
	found, err := tx.Row(ctx, sqlstore.Q("SELECT status FROM tracking_runs WHERE run_id = ?", trackid.Run(runID)), &status)
	return !found || status == running, err
}

// SetRun has the tracked run of a pipeline run follow the state that its context
// tells of. The run is added when it is not there.
func SetRun(ctx context.Context, tx *sqlstore.Tx, of *metadatav1.Context) error {
	properties := of.GetProperties()
	if properties["deleted"].GetBoolValue() {
		return deleteRuns(ctx, tx, of.GetUid())
	}
	r := parentOf(of)
	if status := statuses[properties["state"].GetStringValue()]; status != "" {
		r.status = status
	}
	if ends := r.status != running && r.status != "SCHEDULED"; ends {
		r.ended = properties["end_time"].GetIntValue()
	}
	q := sqlstore.Q("UPDATE tracking_runs SET status = ?, ended_at = ? WHERE run_id = ?", r.status, r.end(), r.id)
	n, err := tx.Exec(ctx, q)
	if n > 0 || err != nil {
		return err
	}
	if err := ensureExperiments(ctx, tx, []*run{r}); err != nil {
		return err
	}
	return putRuns(ctx, tx, []*run{r}, "ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at")
}

// deleteRuns marks the tracked runs of a pipeline run and its tasks as deleted.
func deleteRuns(ctx context.Context, tx *sqlstore.Tx, runID string) error {
	ids := []string{trackid.Run(runID)}
	q := sqlstore.Q("SELECT e.uid FROM contexts c JOIN associations a ON a.context_id = c.id"+
		" JOIN executions e ON e.id = a.execution_id WHERE c.uid = ?", runID)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		var uid string
		err := scan(&uid)
		ids = append(ids, trackid.Task(uid))
		return err
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, batch) {
		q := sqlstore.Q("UPDATE tracking_runs SET stage = 'deleted', deleted_at = ? WHERE stage = ? AND run_id IN", nowMillis(), active).List(boxed(some)...)
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
