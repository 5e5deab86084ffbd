package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
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
// experiment would take turns and fail by turns: instead one of the calls that
// wait stores the runs of all of them, in one commit.
type admission struct {
	state *state.State
	turn  chan struct{} // holds a token while a call stores

	mu      sync.Mutex
	waiting []*newcomer // guarded by mu
}

// newcomer is a run that waits to be stored.
type newcomer struct {
	run    *pipelinev1.RunState
	stored chan error // takes the one answer
}

func newAdmission(s *state.State) *admission {
	return &admission{state: s, turn: make(chan struct{}, 1)}
}

// admit stores a run; fault.Conflict when its experiment is not open, or changed
// while it was being written.
func (a *admission) admit(ctx context.Context, run *pipelinev1.RunState) error {
	n := &newcomer{run: run, stored: make(chan error, 1)}
	a.enter(n)
	select {
	case err := <-n.stored:
		return err
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		a.leave(n)
		return fault.New(fault.Canceled, "the request was given up").WithCause(ctx.Err())
	}
	for {
		select {
		case err := <-n.stored:
			return err
		default:
			a.storeSome(context.WithoutCancel(ctx)) // the others have not given up
		}
	}
}

func (a *admission) enter(n *newcomer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, n)
}

// leave forgets a newcomer, unless it is being stored.
func (a *admission) leave(n *newcomer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(other *newcomer) bool { return other == n })
}

// next takes the newcomers that go into the next commit, first come, first served.
func (a *admission) next() []*newcomer {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, size := 0, 0
	for n < min(len(a.waiting), admittedAtOnce) && size < admittedBytes {
		size += proto.Size(a.waiting[n].run)
		n++
	}
	taken := slices.Clone(a.waiting[:n])
	a.waiting = slices.Delete(a.waiting, 0, n)
	return taken
}

// storeSome stores the next newcomers and answers each.
func (a *admission) storeSome(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, admitPatience)
	defer cancel()
	newcomers := a.next()
	experiments := map[string]store.Item[*pipelinev1.Experiment]{}
	var ops []store.Op
	admitted := newcomers[:0]
	for _, n := range newcomers {
		if err := a.open(ctx, n.run, experiments); err != nil {
			n.stored <- err
			continue
		}
		ops = append(ops, a.state.Runs.CreateOp(n.run.GetRun().GetRunId(), n.run))
		admitted = append(admitted, n)
	}
	if len(admitted) == 0 {
		return
	}
	for key, experiment := range experiments {
		ops = append(ops, a.state.Experiments.UpdateOp(key, experiment.Value, experiment.Revision))
	}
	_, err := a.state.Backend.Commit(ctx, ops...)
	for _, n := range admitted {
		n.stored <- err
	}
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
