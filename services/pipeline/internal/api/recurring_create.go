package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/schedule"
)

// maxConcurrency is the most runs that a recurring run may have at once.
const maxConcurrency = 10

// CreateRecurringRun implements RecurringRunService. What a run of it would be
// refused for now, it is refused for.
func (s *recurring) CreateRecurringRun(ctx context.Context, r *pipelinev1.CreateRecurringRunRequest) (*pipelinev1.RecurringRun, error) {
	asked := r.GetRecurringRun()
	if asked == nil {
		return nil, fault.Invalidf("recurring_run", "is missing; want a recurring run with a trigger and what to run")
	}
	if err := checkName("display_name", asked.GetDisplayName()); err != nil {
		return nil, err
	}
	if _, err := schedule.Parse(asked.GetTrigger()); err != nil {
		return nil, err
	}
	of, err := s.runs.source(ctx, template(asked))
	if err != nil {
		return nil, err
	}
	now := s.Now()
	sample := ir.Macros{RunID: newID(), Now: now, Scheduled: now, Index: 1}
	if _, err := runtimeConfig(asked.GetRuntimeConfig(), of.spec, sample); err != nil {
		return nil, err
	}
	made := s.newRecurring(asked)
	if err := s.storeRecurring(ctx, made, of); err != nil {
		return nil, err
	}
	return s.detailedRecurring(ctx, made)
}

// template is a run of a recurring run, but for its name and times.
func template(of *pipelinev1.RecurringRun) *pipelinev1.Run {
	run := &pipelinev1.Run{
		Description:    of.GetDescription(),
		RuntimeConfig:  of.GetRuntimeConfig(),
		ServiceAccount: of.GetServiceAccount(),
	}
	switch from := of.GetPipelineSource().(type) {
	case *pipelinev1.RecurringRun_PipelineSpec:
		run.PipelineSource = &pipelinev1.Run_PipelineSpec{PipelineSpec: from.PipelineSpec}
	case *pipelinev1.RecurringRun_PipelineVersionReference:
		run.PipelineSource = &pipelinev1.Run_PipelineVersionReference{PipelineVersionReference: from.PipelineVersionReference}
	case *pipelinev1.RecurringRun_PipelineVersionId:
		run.PipelineSource = &pipelinev1.Run_PipelineVersionId{PipelineVersionId: from.PipelineVersionId}
	}
	return run
}

// newRecurring completes what a request says, all but its experiment.
func (s *recurring) newRecurring(asked *pipelinev1.RecurringRun) *pipelinev1.RecurringRunState {
	mode := asked.GetMode()
	if mode != pipelinev1.RecurringRun_DISABLE {
		mode = pipelinev1.RecurringRun_ENABLE
	}
	now := s.now()
	made := &pipelinev1.RecurringRun{
		RecurringRunId: newID(),
		DisplayName:    asked.GetDisplayName(),
		Description:    asked.GetDescription(),
		RuntimeConfig:  asked.GetRuntimeConfig(),
		ServiceAccount: asked.GetServiceAccount(),
		MaxConcurrency: min(max(asked.GetMaxConcurrency(), 1), maxConcurrency),
		Trigger:        asked.GetTrigger(),
		Mode:           mode,
		Status:         statusOf(mode),
		CreatedAt:      now,
		UpdatedAt:      now,
		NoCatchup:      asked.GetNoCatchup(),
		ExperimentId:   asked.GetExperimentId(),
	}
	if asked.GetPipelineSpec() == nil { // a spec is stored as a blob
		made.PipelineSource = asked.GetPipelineSource()
	}
	return &pipelinev1.RecurringRunState{RecurringRun: made}
}

// storeRecurring stores a recurring run in its experiment, which is written with
// it, as it is, so that it can neither be deleted nor put away meanwhile.
func (s *recurring) storeRecurring(ctx context.Context, made *pipelinev1.RecurringRunState, of *source) error {
	if made.GetRecurringRun().GetPipelineSource() == nil {
		if err := of.store(ctx, s.Blob); err != nil {
			return err
		}
		made.SpecDigest = of.digest
	}
	asked := made.GetRecurringRun().GetExperimentId()
	for {
		experiment, err := s.runs.openExperiment(ctx, asked, of.namespace)
		if err != nil {
			return err
		}
		made.RecurringRun.ExperimentId = experiment.Key
		made.RecurringRun.Namespace = experiment.Value.GetNamespace()
		if size := proto.Size(made); size > store.MaxValueBytes/2 { // the rest is for what comes to be known of it
			return fault.Invalidf("runtime_config", "the recurring run is %d bytes with its parameters; at most %d are allowed: "+
				"pass large values as artifacts", size, store.MaxValueBytes/2)
		}
		_, err = s.State.Backend.Commit(ctx,
			s.State.Experiments.UpdateOp(experiment.Key, experiment.Value, experiment.Revision),
			s.State.Recurring.CreateOp(made.GetRecurringRun().GetRecurringRunId(), made))
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}
