package tracking

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const runColumns = "r.num, r.run_id, r.experiment_id, r.name, r.user_id, r.status, r.stage, r.artifact_uri, r.started_at, r.ended_at"

// runRow is a row of tracking_runs.
type runRow struct {
	num        int64
	experiment int64
	info       *metadatav1.TrackingRunInfo
}

// runByID returns a run, or a NotFound fault.
func runByID(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (*runRow, error) {
	var run *runRow
	q := sqlstore.Q("SELECT "+runColumns+" FROM tracking_runs r JOIN tracking_experiments e ON e.id = r.experiment_id"+
		" WHERE r.run_id = ? AND e.namespace = ?", id, namespace)
	err := tx.Rows(ctx, q, func(scan func(...any) error) (err error) {
		run, err = scanRun(scan)
		return err
	})
	if err == nil && run == nil {
		err = noRun(id)
	}
	return run, err
}

// scanRun reads a row of a query for runColumns.
func scanRun(scan func(...any) error) (*runRow, error) {
	run := &runRow{info: new(metadatav1.TrackingRunInfo)}
	var status, stage string
	err := scan(&run.num, &run.info.RunId, &run.experiment, &run.info.RunName, &run.info.UserId, &status, &stage,
		&run.info.ArtifactUri, &run.info.StartTime, &run.info.EndTime)
	if err != nil {
		return nil, err
	}
	run.info.ExperimentId, run.info.Status, run.info.Stage = decimal(run.experiment), runStatus(status), stageOf(stage)
	return run, nil
}

// insertRun adds a run and returns its number.
func insertRun(ctx context.Context, tx *sqlstore.Tx, experiment int64, info *metadatav1.TrackingRunInfo) (num int64, err error) {
	q := sqlstore.Q("INSERT INTO tracking_runs (run_id, experiment_id, name, user_id, status, stage, artifact_uri, started_at, ended_at) VALUES").
		List(info.GetRunId(), experiment, info.GetRunName(), info.GetUserId(), storedRunStatus(info.GetStatus()), storedStage(info.GetStage()),
			info.GetArtifactUri(), info.GetStartTime(), info.EndTime).
		Add("RETURNING num")
	_, err = tx.Row(ctx, q, &num)
	return num, err
}

func noRun(id string) error { return fault.NotFoundf("Run with id=%s not found", id) }
