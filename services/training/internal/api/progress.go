package api

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
)

// ReportTrainerStatus implements TrainingService.
func (s *jobs) ReportTrainerStatus(ctx context.Context, r *trainingv1.ReportTrainerStatusRequest) (*trainingv1.TrainingJob, error) {
	for {
		item, err := s.get(ctx, r.GetNamespace(), kind.TrainJobName, r.GetName())
		if err != nil {
			return nil, err
		}
		job := proto.CloneOf(item.Value)
		if lifecycle.Ended(job.GetStatus()) {
			return nil, fault.Preconditionf("TrainJob %q has ended: its trainer's status stays as it is", r.GetName()).WithReason("JOB_ENDED")
		}
		job.Status.Trainer = proto.CloneOf(r.GetStatus())
		if job.GetStatus().GetTrainer().GetUpdateTime() == nil {
			job.Status.Trainer.UpdateTime = timestamppb.Now()
		}
		revision, err := s.state.Jobs.Update(ctx, item.Key, job, item.Revision)
		if err == nil {
			job.Metadata.ResourceVersion = revision
			return job, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
	}
}
