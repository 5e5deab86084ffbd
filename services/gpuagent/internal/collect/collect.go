// Package collect removes what a node keeps no longer, as package garbage
// decides: Python environments, kept logs, and directories of workloads that
// nobody knows.
//
// A collection may be cut off at any moment and repeated. Nothing goes that a
// workload which runs may use: an environment that was given out since the oldest
// of them was started stays, and so does one that is being given out (see
// pyenv.Cache). One collection runs at a time.
package collect

import (
	"context"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/garbage"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
)

// Node is what is known of the workloads of the node.
type Node interface {
	// BusySince is when the oldest workload that runs was started; zero for none.
	BusySince() time.Time
	// Leftovers are directories of workloads that are not known.
	Leftovers() ([]engine.Leftover, error)
	// RemoveLeftover removes one.
	RemoveLeftover(context.Context, engine.Leftover) error
}

// Deps are what a collector works with.
type Deps struct {
	Node      Node
	Envs      *pyenv.Cache
	Bucket    *blob.Bucket
	Retention garbage.Retention
	Now       func() time.Time // time.Now when nil
}

// Collector removes garbage. It is safe for concurrent use.
type Collector struct {
	Deps
	turn chan struct{} // holds something while a collection runs
}

// New returns a collector that has removed nothing yet.
func New(deps Deps) *Collector {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	return &Collector{Deps: deps, turn: make(chan struct{}, 1)}
}

// Collect removes all the garbage there is, or in a dry run only says what would
// go. It reports each thing once it has gone, and ends early when report fails.
func (c *Collector) Collect(ctx context.Context, dryRun bool, report func(*metav1.Garbage) error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s := &sweep{Deps: c.Deps, dryRun: dryRun, report: report, now: c.Now()}
	for _, step := range []func(context.Context) error{s.environments, s.logs, s.leftovers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweep is one collection.
type sweep struct {
	Deps
	dryRun bool
	report func(*metav1.Garbage) error
	now    time.Time
}

// dispose removes one thing, unless this is a dry run, and reports it. What turns
// out to be wanted after all stays and is not reported.
func (s *sweep) dispose(g *metav1.Garbage, remove func() (bool, error)) error {
	if !s.dryRun {
		removed, err := remove()
		if err != nil || !removed {
			return err
		}
		g.Removed = true
	}
	return s.report(g)
}
