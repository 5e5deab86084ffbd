package tracking

import (
	"cmp"
	"context"
	"fmt"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// runNameTag is the tag that is the name of its run.
const runNameTag = "mlflow.runName"

// CreateRun starts a run.
func (s *Store) CreateRun(ctx context.Context, request *metadatav1.CreateTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	name, tags, err := nameAndTags(request)
	if err != nil {
		return nil, err
	}
	namespace := namespaceOf(request)
	run := &metadatav1.TrackingRun{
		Info: &metadatav1.TrackingRunInfo{
			RunId: cmp.Or(request.GetRunId(), newID()), RunName: name, UserId: request.GetUserId(), Status: metadatav1.TrackingRunInfo_STATUS_RUNNING,
			StartTime: cmp.Or(request.GetStartTime(), nowMillis()), Stage: metadatav1.Stage_STAGE_ACTIVE,
		},
		Tags: tags,
	}
	err = s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		experiment, err := experimentToUse(ctx, tx, namespace, request.GetExperimentId())
		if err != nil {
			return err
		}
		if request.GetRunId() != "" {
			if _, err := runByID(ctx, tx, namespace, request.GetRunId()); !fault.Is(err, fault.NotFound) {
				return orTaken(err, request.GetRunId())
			}
		}
		run.Info.ExperimentId = experiment.GetExperimentId()
		run.Info.ArtifactUri = under(experiment.GetArtifactLocation(), run.Info.GetRunId(), "artifacts")
		num, err := insertRun(ctx, tx, experimentNum(experiment), run.Info)
		if err != nil {
			return err
		}
		return putTags(ctx, tx, runTags, num, tags)
	})
	if err != nil {
		return nil, err
	}
	return run, nil
}

// orTaken is an error, or when there is none, that a run has an id already.
func orTaken(err error, id string) error {
	if err != nil {
		return err
	}
	return fault.AlreadyExistsf("Run '%s' already exists.", id).WithReason("RUN_EXISTS")
}

// experimentToUse returns an active experiment. The default one of a namespace is
// made when it is not there.
func experimentToUse(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (*metadatav1.TrackingExperiment, error) {
	experiment, err := experimentByID(ctx, tx, namespace, id)
	if fault.Is(err, fault.NotFound) && cmp.Or(id, defaultExperimentID) == defaultExperimentID {
		experiment, err = defaultOf(ctx, tx, namespace)
	}
	if err != nil {
		return nil, err
	}
	return experiment, isActive(experiment)
}

// nameAndTags returns the name of a new run and its tags, of which one is the name.
func nameAndTags(request *metadatav1.CreateTrackingRunRequest) (string, []*metadatav1.Tag, error) {
	tags := make([]*metadatav1.Tag, 0, len(request.GetTags())+1)
	tagged := ""
	for i, tag := range request.GetTags() {
		tag, err := checkTag(fmt.Sprintf("tags[%d].", i), tag)
		if err != nil {
			return "", nil, err
		}
		if tag.GetKey() == runNameTag {
			tagged = tag.GetValue()
		}
		tags = append(tags, tag)
	}
	if given := request.GetRunName(); given != "" && tagged != "" && given != tagged {
		return "", nil, invalid("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"+
			" (run_name='%s', mlflow.runName='%s').", given, tagged)
	}
	name := cmp.Or(request.GetRunName(), tagged)
	if name == "" {
		name = madeUpName()
	}
	tags = append(tags, &metadatav1.Tag{Key: runNameTag, Value: name})
	return name, lastOfEach(tags), nil
}

// GetRun returns a run with all that was logged, or a NotFound fault.
func (s *Store) GetRun(ctx context.Context, request *metadatav1.GetTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	var runs []*metadatav1.TrackingRun
	err := s.awaitRun(ctx, request.GetRunId(), func() error {
		return s.db.Read(ctx, func(tx *sqlstore.Tx) error {
			run, err := runByID(ctx, tx, namespaceOf(request), request.GetRunId())
			if err != nil {
				return err
			}
			runs, err = loadRuns(ctx, tx, []int64{run.num})
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return runs[0], nil
}

// UpdateRun changes name, status or end time of a run.
func (s *Store) UpdateRun(ctx context.Context, request *metadatav1.UpdateTrackingRunRequest) (*metadatav1.TrackingRunInfo, error) {
	var info *metadatav1.TrackingRunInfo
	err := s.changeRun(ctx, request, func(tx *sqlstore.Tx, run runRef) error {
		row, err := runByID(ctx, tx, run.namespace, run.id)
		if err != nil {
			return err
		}
		info = row.info
		if request.GetStatus() != metadatav1.TrackingRunInfo_STATUS_UNSPECIFIED {
			info.Status = request.GetStatus()
		}
		if request.EndTime != nil {
			info.EndTime = request.EndTime
		}
		_, err = tx.Exec(ctx, sqlstore.Q("UPDATE tracking_runs SET status = ?, ended_at = ? WHERE num = ?",
			storedRunStatus(info.GetStatus()), info.EndTime, run.num))
		if err != nil || request.GetRunName() == "" {
			return err
		}
		info.RunName = request.GetRunName()
		return putRunTags(ctx, tx, run.num, []*metadatav1.Tag{{Key: runNameTag, Value: info.GetRunName()}})
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// SetRunStage deletes or restores a run.
func (s *Store) SetRunStage(ctx context.Context, request *metadatav1.SetRunStageRequest) (*metadatav1.SetRunStageResponse, error) {
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		run, err := runByID(ctx, tx, namespaceOf(request), request.GetRunId())
		if err != nil {
			return err
		}
		stage := storedStage(request.GetStage())
		_, err = tx.Exec(ctx, sqlstore.Q("UPDATE tracking_runs SET stage = ?, deleted_at = ? WHERE num = ?", stage, deletedAt(stage, nowMillis()), run.num))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.SetRunStageResponse{}, nil
}

// DeleteRunTag deletes a tag of a run.
func (s *Store) DeleteRunTag(ctx context.Context, request *metadatav1.DeleteRunTagRequest) (*metadatav1.DeleteRunTagResponse, error) {
	err := s.changeRun(ctx, request, func(tx *sqlstore.Tx, run runRef) error {
		return deleteTags(ctx, tx, runTags, run.num, []string{request.GetKey()}, func(key string) error {
			return fault.NotFoundf("No tag with name: %s in run with id %s", key, request.GetRunId())
		})
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.DeleteRunTagResponse{}, nil
}

// putRunTags sets tags of a run, whose keys must be different and sorted, and its
// name where that is among them.
func putRunTags(ctx context.Context, tx *sqlstore.Tx, num int64, tags []*metadatav1.Tag) error {
	for _, tag := range tags {
		if tag.GetKey() != runNameTag || tag.GetValue() == "" {
			continue
		}
		if _, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_runs SET name = ? WHERE num = ?", tag.GetValue(), num)); err != nil {
			return err
		}
	}
	return putTags(ctx, tx, runTags, num, tags)
}

// ofRun is a request about a run.
type ofRun interface {
	GetNamespace() string
	GetRunId() string
}

// changeRun runs fn in a transaction with a run that is active.
func (s *Store) changeRun(ctx context.Context, request ofRun, fn func(*sqlstore.Tx, runRef) error) error {
	namespace := namespaceOf(request)
	return s.awaitRun(ctx, request.GetRunId(), func() error {
		var run runRef
		err := s.db.Write(ctx, func(tx *sqlstore.Tx) (err error) {
			if run, err = s.activeRun(ctx, tx, namespace, request.GetRunId()); err != nil {
				return err
			}
			return fn(tx, run)
		})
		if err == nil {
			s.runs.put(run.id, run)
		}
		return err
	})
}
