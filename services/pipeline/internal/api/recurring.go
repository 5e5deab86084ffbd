package api

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/schedule"
)

// recurring implements RecurringRunService.
type recurring struct {
	pipelinev1.UnimplementedRecurringRunServiceServer
	Deps
	runs *runs
}

// GetRecurringRun implements RecurringRunService.
func (s *recurring) GetRecurringRun(ctx context.Context, r *pipelinev1.GetRecurringRunRequest) (*pipelinev1.RecurringRun, error) {
	item, err := s.recurringRun(ctx, r.GetRecurringRunId())
	if err != nil {
		return nil, err
	}
	return s.detailedRecurring(ctx, item.Value)
}

func (d Deps) recurringRun(ctx context.Context, id string) (store.Item[*pipelinev1.RecurringRunState], error) {
	return get(ctx, d.State.Recurring, "recurring run", id, id)
}

// detailedRecurring is a recurring run as a get shows it: with its spec, unless it
// names a version.
func (d Deps) detailedRecurring(ctx context.Context, of *pipelinev1.RecurringRunState) (*pipelinev1.RecurringRun, error) {
	shown := listedRecurring(of)
	if of.GetSpecDigest() == "" {
		return shown, nil
	}
	spec, err := d.loadSpec(ctx, of.GetSpecDigest())
	shown.PipelineSource = &pipelinev1.RecurringRun_PipelineSpec{PipelineSpec: spec}
	return shown, err
}

// listedRecurring is a recurring run as a list shows it.
func listedRecurring(of *pipelinev1.RecurringRunState) *pipelinev1.RecurringRun {
	shown := proto.CloneOf(of.GetRecurringRun())
	if shown.GetStatus() != pipelinev1.RecurringRun_ENABLED {
		return shown
	}
	times, err := schedule.Parse(shown.GetTrigger())
	if err != nil {
		return shown // it was checked when it was stored; the engine says why it makes no runs
	}
	if next, ok := times.Next(times.Since(of)); ok {
		shown.NextRunAt = timestamppb.New(next)
	}
	return shown
}

// EnableRecurringRun implements RecurringRunService.
func (s *recurring) EnableRecurringRun(ctx context.Context, r *pipelinev1.EnableRecurringRunRequest) (*emptypb.Empty, error) {
	item, err := s.recurringRun(ctx, r.GetRecurringRunId())
	if err != nil {
		return nil, err
	}
	if err := s.runs.keepsExperiment(ctx, item.Value.GetRecurringRun()); err != nil {
		return nil, err
	}
	if _, err := s.runs.openExperiment(ctx, item.Value.GetRecurringRun().GetExperimentId(), ""); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.setMode(ctx, item.Key, pipelinev1.RecurringRun_ENABLE)
}

// keepsExperiment refuses a recurring run whose experiment was deleted.
func (s *runs) keepsExperiment(ctx context.Context, of *pipelinev1.RecurringRun) error {
	_, err := s.experiments.experiment(ctx, of.GetExperimentId())
	if fault.Is(err, fault.NotFound) {
		return fault.Preconditionf("the experiment of the recurring run, %q, was deleted: create the recurring run anew in another",
			of.GetExperimentId()).WithReason("EXPERIMENT_DELETED")
	}
	return err
}

// DisableRecurringRun implements RecurringRunService.
func (s *recurring) DisableRecurringRun(ctx context.Context, r *pipelinev1.DisableRecurringRunRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.setMode(ctx, r.GetRecurringRunId(), pipelinev1.RecurringRun_DISABLE)
}

// setMode enables or disables a recurring run.
func (d Deps) setMode(ctx context.Context, id string, to pipelinev1.RecurringRun_Mode) error {
	_, err := d.State.Recurring.Modify(ctx, id, func(of *pipelinev1.RecurringRunState) (bool, error) {
		if of.GetRecurringRun().GetMode() == to {
			return false, nil
		}
		of.RecurringRun.Mode = to
		of.RecurringRun.Status = statusOf(to)
		of.RecurringRun.UpdatedAt = d.now()
		return true, nil
	})
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("there is no recurring run %q", id).WithCause(err)
	}
	return err
}

func statusOf(mode pipelinev1.RecurringRun_Mode) pipelinev1.RecurringRun_Status {
	if mode == pipelinev1.RecurringRun_DISABLE {
		return pipelinev1.RecurringRun_DISABLED
	}
	return pipelinev1.RecurringRun_ENABLED
}

// disableRecurring disables the recurring runs of an experiment.
func (d Deps) disableRecurring(ctx context.Context, experimentID string) error {
	all, err := values(ctx, d.State.Recurring, "")
	if err != nil {
		return err
	}
	for _, of := range all {
		if of.GetRecurringRun().GetExperimentId() != experimentID {
			continue
		}
		err := d.setMode(ctx, of.GetRecurringRun().GetRecurringRunId(), pipelinev1.RecurringRun_DISABLE)
		if err != nil && !fault.Is(err, fault.NotFound) { // deleted meanwhile
			return err
		}
	}
	return nil
}

// DeleteRecurringRun implements RecurringRunService.
func (s *recurring) DeleteRecurringRun(ctx context.Context, r *pipelinev1.DeleteRecurringRunRequest) (*emptypb.Empty, error) {
	item, err := s.recurringRun(ctx, r.GetRecurringRunId())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.State.Recurring.Delete(ctx, item.Key, store.AnyRevision)
}
