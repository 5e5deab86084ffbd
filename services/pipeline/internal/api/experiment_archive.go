package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// archivePage is how many archived runs are put away at a time.
const archivePage = 200

// ArchiveExperiment implements ExperimentService. The experiment goes first, so
// that no run can join while its runs follow; its recurring runs are disabled. A
// crash in between is mended by calling again.
func (s *experiments) ArchiveExperiment(ctx context.Context, r *pipelinev1.ArchiveExperimentRequest) (*emptypb.Empty, error) {
	id := r.GetExperimentId()
	if err := s.setStorage(ctx, id, pipelinev1.Experiment_ARCHIVED); err != nil {
		return nil, err
	}
	if err := s.disableRecurring(ctx, id); err != nil {
		return nil, err
	}
	if err := s.archiveLive(ctx, id); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.archiveFinished(ctx, id)
}

// UnarchiveExperiment implements ExperimentService.
func (s *experiments) UnarchiveExperiment(ctx context.Context, r *pipelinev1.UnarchiveExperimentRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.setStorage(ctx, r.GetExperimentId(), pipelinev1.Experiment_AVAILABLE)
}

func (s *experiments) setStorage(ctx context.Context, id string, to pipelinev1.Experiment_StorageState) error {
	_, err := s.State.Experiments.Modify(ctx, id, func(e *pipelinev1.Experiment) (bool, error) {
		changed := e.GetStorageState() != to
		e.StorageState = to
		return changed, nil
	})
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("there is no experiment %q", id)
	}
	return err
}

// archiveLive puts away the live runs of an experiment.
func (s *experiments) archiveLive(ctx context.Context, id string) error {
	live, err := values(ctx, s.State.Runs, "")
	if err != nil {
		return err
	}
	for _, run := range live {
		if run.GetRun().GetExperimentId() != id {
			continue
		}
		err := s.setRunStorage(ctx, run.GetRun().GetRunId(), pipelinev1.Run_ARCHIVED)
		if err != nil && !fault.Is(err, fault.NotFound) { // deleted meanwhile
			return err
		}
	}
	return nil
}

// archiveFinished puts away the finished runs of an experiment, each page after
// the one before. A run that is live too is put away there, and so its record
// stays as it is for now: no page may come twice.
func (s *experiments) archiveFinished(ctx context.Context, id string) error {
	var after *metadatav1.RecordPosition
	for {
		page, err := s.Archive.ListRecords(ctx, &metadatav1.ListRecordsRequest{
			Kind:     state.RunKind,
			PageSize: archivePage,
			OrderBy:  "uid",
			After:    after,
			Filter: &metav1.Filter{Predicates: []*metav1.Predicate{
				list.Equals("parent", id),
				list.Equals("storage_state", pipelinev1.Run_AVAILABLE.String()),
			}},
		})
		if err != nil || len(page.GetRecords()) == 0 {
			return err
		}
		for _, record := range page.GetRecords() {
			err := s.setRunStorage(ctx, record.GetUid(), pipelinev1.Run_ARCHIVED)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			after = &metadatav1.RecordPosition{Value: record.GetUid(), Uid: record.GetUid()}
		}
	}
}
