package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/recur"
)

// Maker makes the runs of recurring runs as CreateRun makes others. It
// implements recur.Maker.
type Maker struct{ runs *runs }

var _ recur.Maker = Maker{}

// NewMaker returns a maker; deps are those of Register.
func NewMaker(deps Deps) Maker {
	deps = deps.complete()
	return Maker{runs: &runs{Deps: deps, experiments: &experiments{Deps: deps}}}
}

// MakeRun implements recur.Maker.
func (m Maker) MakeRun(ctx context.Context, order recur.Order, with ...store.Op) error {
	made := order.Of.GetRecurringRun()
	if err := m.runs.keepsExperiment(ctx, made); err != nil {
		return err
	}
	of, err := m.source(ctx, order.Of)
	if err != nil {
		return err
	}
	asked := template(made)
	asked.DisplayName = runName(made.GetDisplayName(), order.Index, order.Time)
	run, err := m.runs.newRun(asked, of, ir.Macros{
		RunID: order.RunID, Now: m.runs.Now(), Scheduled: order.Time, Index: order.Index,
	})
	if err != nil {
		return err
	}
	run.Run.RecurringRunId = made.GetRecurringRunId()
	if err := m.runs.place(ctx, run, made.GetExperimentId(), of); err != nil {
		return err
	}
	return m.store(ctx, run, with)
}

// store stores a run and notes it in its experiment, in one commit with the ops.
// Every run of the experiment is noted there: when another was between, it is
// tried again.
func (m Maker) store(ctx context.Context, run *pipelinev1.RunState, with []store.Op) error {
	for {
		experiment, err := m.runs.openExperiment(ctx, run.GetRun().GetExperimentId(), run.GetNamespace())
		if err != nil {
			return err
		}
		experiment.Value.LastRunCreatedAt = run.GetRun().GetCreatedAt()
		_, err = m.runs.State.Backend.Commit(ctx, append(slices.Clip(with),
			m.runs.State.Experiments.UpdateOp(experiment.Key, experiment.Value, experiment.Revision),
			m.runs.State.Runs.CreateOp(run.GetRun().GetRunId(), run))...)
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		now, readErr := m.runs.experiments.experiment(ctx, experiment.Key)
		if readErr != nil || now.Revision == experiment.Revision {
			return err // it was not the experiment
		}
	}
}

// source is what a run of a recurring run runs: its own spec, or the version that
// it names, or the newest one.
func (m Maker) source(ctx context.Context, of *pipelinev1.RecurringRunState) (*source, error) {
	if of.GetSpecDigest() == "" {
		return m.runs.source(ctx, template(of.GetRecurringRun()))
	}
	checked, err := m.runs.storedSpec(ctx, of.GetSpecDigest())
	return &source{spec: checked, namespace: of.GetRecurringRun().GetNamespace()}, err
}

// runName names a run by its recurring run, its number and its time, such as
// "nightly-3-20260302090000".
func runName(of string, index int64, at time.Time) string {
	suffix := fmt.Sprintf("-%d-%s", index, at.UTC().Format("20060102150405"))
	if room := maxNameBytes - len(suffix); len(of) > room {
		of = strings.ToValidUTF8(of[:room], "")
	}
	return of + suffix
}
