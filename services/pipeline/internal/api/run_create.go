package api

import (
	"cmp"
	"context"
	"fmt"
	"path"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// CreateRun implements RunService. Everything is checked before anything is
// stored, and the run is stored in one commit; the engine starts it when it
// sees the key.
func (s *runs) CreateRun(ctx context.Context, r *pipelinev1.CreateRunRequest) (*pipelinev1.Run, error) {
	if r.GetRun() == nil {
		return nil, fault.Invalidf("run", "is missing; want a run with pipeline_spec or pipeline_version_reference")
	}
	of, err := s.source(ctx, r.GetRun())
	if err != nil {
		return nil, err
	}
	now := s.Now()
	run, err := s.newRun(r.GetRun(), of, ir.Macros{RunID: newID(), Now: now, Scheduled: now})
	if err != nil {
		return nil, err
	}
	experiment := cmp.Or(r.GetRun().GetExperimentId(), r.GetExperimentId())
	if err := s.start(ctx, run, experiment, of); err != nil {
		return nil, err
	}
	return s.detailed(ctx, &pipelinev1.ArchivedRun{State: run})
}

// newRun completes what a request says of a run, all but its experiment. Its id
// and times are those that its macros stand for.
func (s *runs) newRun(asked *pipelinev1.Run, of *source, macros ir.Macros) (*pipelinev1.RunState, error) {
	config, err := runtimeConfig(asked.GetRuntimeConfig(), of.spec, macros)
	if err != nil {
		return nil, err
	}
	name := asked.GetDisplayName()
	if name == "" {
		name = fmt.Sprintf("%s %s", of.PipelineInfo.Name, macros.RunID[:8])
	}
	if err := checkName("display_name", name); err != nil {
		return nil, err
	}
	now := timestamppb.New(macros.Now)
	run := &pipelinev1.Run{
		RunId:          macros.RunID,
		DisplayName:    name,
		Description:    asked.GetDescription(),
		StorageState:   pipelinev1.Run_AVAILABLE,
		RuntimeConfig:  config,
		ServiceAccount: asked.GetServiceAccount(),
		CreatedAt:      now,
		ScheduledAt:    timestamppb.New(macros.Scheduled),
		State:          pipelinev1.RuntimeState_PENDING,
		StateHistory:   []*pipelinev1.RuntimeStatus{{UpdateTime: now, State: pipelinev1.RuntimeState_PENDING}},
	}
	if of.version != nil {
		run.PipelineSource = &pipelinev1.Run_PipelineVersionReference{PipelineVersionReference: of.version}
	}
	return &pipelinev1.RunState{Run: run, PipelineName: of.PipelineInfo.Name}, nil
}

// runtimeConfig checks what a run is started with and expands its macros.
// Defaults are not filled in: a get shows what was asked for.
func runtimeConfig(asked *pipelinev1.RuntimeConfig, of *spec, macros ir.Macros) (*pipelinev1.RuntimeConfig, error) {
	given := make(map[string]any, len(asked.GetParameters()))
	for name, value := range asked.GetParameters() {
		given[name] = value.AsInterface()
	}
	given = macros.Expand(given)
	if _, err := ir.CheckParameters(of.Spec, given); err != nil {
		return nil, err
	}
	if err := checkRoot(asked.GetPipelineRoot()); err != nil {
		return nil, err
	}
	config := &pipelinev1.RuntimeConfig{PipelineRoot: asked.GetPipelineRoot(), Parameters: map[string]*structpb.Value{}}
	for name, value := range given {
		v, err := structpb.NewValue(value)
		if err != nil {
			return nil, fault.Invalidf("runtime_config.parameters."+name, "cannot be stored: %v", err)
		}
		config.Parameters[name] = v
	}
	return config, nil
}

// checkRoot refuses a place for artifacts that no step could write to.
func checkRoot(root string) error {
	if root == "" || path.IsAbs(root) || blob.InBucket(root) {
		return nil
	}
	return fault.Invalidf("runtime_config.pipeline_root",
		"%q is neither an absolute path nor in a bucket that this server can open; leave it out to use the server's own place", root)
}

// start stores a run in its experiment.
func (s *runs) start(ctx context.Context, run *pipelinev1.RunState, experimentID string, of *source) error {
	for {
		if err := s.place(ctx, run, experimentID, of); err != nil {
			return err
		}
		if err := s.admission.admit(ctx, run); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

// place finds the experiment of a run and stores its spec: all that comes before
// the run itself.
func (s *runs) place(ctx context.Context, run *pipelinev1.RunState, experimentID string, of *source) error {
	experiment, err := s.openExperiment(ctx, experimentID, of.namespace)
	if err != nil {
		return err
	}
	run.Run.ExperimentId = experiment.Key
	run.Namespace = experiment.Value.GetNamespace()
	if err := state.StoreParameters(ctx, s.Blob, run); err != nil {
		return err
	}
	if size := proto.Size(run); size > maxRunBytes {
		return fault.Invalidf("run", "is described in %d bytes; at most %d are allowed: shorten its description", size, maxRunBytes)
	}
	if err := of.store(ctx, s.Blob); err != nil {
		return err
	}
	run.SpecDigest = of.digest
	return nil
}

// openExperiment returns the experiment of a new run, which must not be put away.
func (s *runs) openExperiment(ctx context.Context, id, namespace string) (store.Item[*pipelinev1.Experiment], error) {
	if id == "" {
		return s.experiments.standard(ctx, namespace)
	}
	item, err := s.experiments.experiment(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return item, fault.Invalidf("experiment_id", "there is no experiment %q; leave it out for the experiment %q", id, defaultExperiment)
	}
	if item.Value.GetStorageState() == pipelinev1.Experiment_ARCHIVED {
		return item, fault.Preconditionf("experiment %q is archived: unarchive it, or choose another for the run",
			item.Value.GetDisplayName()).WithReason("EXPERIMENT_ARCHIVED")
	}
	return item, err
}
