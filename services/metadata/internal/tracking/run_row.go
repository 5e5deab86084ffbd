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

// runRef is what of a run never changes.
type runRef struct {
	num        int64
	experiment int64
	namespace  string
	id         string
}

// owner is the run as what parameters belong to.
func (r runRef) owner() owner {
	return owner{num: r.num, name: "run ID='" + r.id + "'"}
}

// activeRun returns a run that is active, or a NotFound or Invalid fault. It may
// be remembered.
func (s *Store) activeRun(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (runRef, error) {
	var stage string
	var found bool
	var err error
	run, known := s.runs.get(id)
	if known {
		found, err = tx.Row(ctx, sqlstore.Q("SELECT stage FROM tracking_runs WHERE num = ?", run.num), &stage)
	} else {
		run.id = id
		found, err = tx.Row(ctx, sqlstore.Q("SELECT r.num, r.experiment_id, e.namespace, r.stage FROM tracking_runs r"+
			" JOIN tracking_experiments e ON e.id = r.experiment_id WHERE r.run_id = ?", id), &run.num, &run.experiment, &run.namespace, &stage)
	}
	switch {
	case err != nil:
		return runRef{}, err
	case !found || run.namespace != namespace:
		return runRef{}, noRun(id)
	case stage != active:
		return runRef{}, invalid("The run %s must be in the 'active' state. Current state is %s.", id, stage)
	}
	return run, nil
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
