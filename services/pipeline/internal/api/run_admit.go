package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/batch"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const (
	admittedAtOnce = store.MaxOps / 2 // each with an experiment of its own, at worst
	admittedBytes  = 512 << 10        // of a commit, as far as it holds more than one run
	admitPatience  = 20 * time.Second // for a commit, which does not end with the call that makes it
)

// admission stores new runs. A run is stored with its experiment, so runs of one
// experiment would take turns and fail by turns: those that come at once are
// stored in one commit.
type admission struct {
	state *state.State
	queue *batch.Queue[*pipelinev1.RunState]
}

func newAdmission(s *state.State) *admission {
	a := &admission{state: s}
	a.queue = batch.New(batch.Options[*pipelinev1.RunState]{
		Items: admittedAtOnce,
		Size:  func(run *pipelinev1.RunState) int { return proto.Size(run) },
		Bytes: admittedBytes,
	}, a.storeAll)
	return a
}

// admit stores a run; fault.Conflict when its experiment is not open, or changed
// while it was being written.
func (a *admission) admit(ctx context.Context, run *pipelinev1.RunState) error {
	return a.queue.Do(ctx, run)
}

// storeAll stores runs in one commit, those whose experiments are open.
func (a *admission) storeAll(ctx context.Context, runs []*pipelinev1.RunState) []error {
	ctx, cancel := context.WithTimeout(ctx, admitPatience)
	defer cancel()
	answers := make([]error, len(runs))
	experiments := map[string]store.Item[*pipelinev1.Experiment]{}
	var ops []store.Op
	for i, run := range runs {
		if answers[i] = a.open(ctx, run, experiments); answers[i] == nil {
			ops = append(ops, a.state.Runs.CreateOp(run.GetRun().GetRunId(), run))
		}
	}
	if len(ops) == 0 {
		return answers
	}
	for key, experiment := range experiments {
		ops = append(ops, a.state.Experiments.UpdateOp(key, experiment.Value, experiment.Revision))
	}
	_, err := a.state.Backend.Commit(ctx, ops...)
	for i := range answers {
		if answers[i] == nil {
			answers[i] = err
		}
	}
	return answers
}

// open notes a run in its experiment, which it reads unless it is at hand.
func (a *admission) open(ctx context.Context, run *pipelinev1.RunState, experiments map[string]store.Item[*pipelinev1.Experiment]) error {
	key := run.GetRun().GetExperimentId()
	experiment, known := experiments[key]
	if !known {
		var err error
		experiment, err = a.state.Experiments.Get(ctx, key)
		if fault.Is(err, fault.NotFound) || experiment.Value.GetStorageState() == pipelinev1.Experiment_ARCHIVED {
			return fault.Conflictf("experiment %q is not open", key)
		}
		if err != nil {
			return err
		}
		experiments[key] = experiment
	}
	if created := run.GetRun().GetCreatedAt(); created.AsTime().After(experiment.Value.GetLastRunCreatedAt().AsTime()) {
		experiment.Value.LastRunCreatedAt = created
	}
	return nil
}
