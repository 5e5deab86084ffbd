// Package collect removes what package garbage says goes: finished runs that
// retention no longer keeps, and logs, artifacts, parameters, values, specs and cache
// entries that are left of runs and versions that are gone.
//
// A collection may be cut off at any moment and repeated: each thing is found by
// what is there and not by what was noted before. One thing at a time is gone
// through, in batches, so that the size of the archive does not matter. One
// collection runs at a time in a process; two of different replicas do no harm.
//
// Nothing that a run uses goes, whatever happens meanwhile:
//
//   - The artifacts of a run that is gone may be reused through the cache, by
//     runs that exist and by runs that are starting. So the run is condemned
//     first, in a commit that checks that it is not live; from then on no commit
//     of the engine that makes such a use known succeeds. Then it is looked who
//     uses what, in the tasks of live runs and in the metadata of finished ones,
//     and only the rest goes. A condemned run that a crash leaves is seen to by
//     the next collection.
//   - A spec is refreshed by whoever is about to refer to it (blob.PutDigest), and
//     what is fresh stays.
//   - Runs move from live to archive, and back when they are retried. They are
//     looked for in both, twice.
package collect

import (
	"context"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// Deps are what a collector works with.
type Deps struct {
	State     *state.State
	Bucket    *blob.Bucket
	Archive   metadatav1.ArchiveServiceClient
	Metadata  metadatav1.MetadataServiceClient
	Retention garbage.Retention
	Now       func() time.Time // time.Now when nil
}

// Collector removes garbage. It is safe for concurrent use.
type Collector struct {
	deps  Deps
	turn  chan struct{} // holds something while a collection runs
	woken chan struct{} // holds something when there may be condemned runs
}

// New returns a collector that has removed nothing yet.
func New(deps Deps) *Collector {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	return &Collector{deps: deps, turn: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
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
	s := c.sweep(report)
	s.dryRun = dryRun
	for _, step := range []func(context.Context) error{
		s.condemned, s.runs, s.artifacts, s.entries, s.logs, s.parameters, s.values, s.specs,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Resume ends what a collection left that was cut off.
func (c *Collector) Resume(ctx context.Context) error {
	return c.sweep(func(*metav1.Garbage) error { return nil }).condemned(ctx)
}

func (c *Collector) sweep(report func(*metav1.Garbage) error) *sweep {
	return &sweep{
		Deps: c.deps, report: report, now: c.deps.Now(),
		doomed: map[string]bool{}, removed: map[garbage.Place][]string{},
	}
}

// sweep is one collection.
type sweep struct {
	Deps
	dryRun bool
	report func(*metav1.Garbage) error
	now    time.Time
	// doomed are the runs that a dry run would have removed by now.
	doomed map[string]bool
	// removed are the URIs of the artifacts that have gone, by place.
	removed map[garbage.Place][]string
}

// dispose removes one thing, unless this is a dry run, and reports it.
func (s *sweep) dispose(ctx context.Context, g *metav1.Garbage, remove func(context.Context) error) error {
	if !s.dryRun {
		if err := remove(ctx); err != nil {
			return err
		}
		g.Removed = true
	}
	return s.report(g)
}

// disposeTree removes what is at a blob key.
func (s *sweep) disposeTree(ctx context.Context, kind, key, reason string) error {
	uri := s.Bucket.URI(key)
	usage, err := s.Bucket.Measure(ctx, uri)
	if err != nil {
		usage = blob.Usage{} // it goes whatever its size
	}
	g := &metav1.Garbage{Kind: kind, Name: uri, Bytes: usage.Bytes, Reason: reason}
	return s.dispose(ctx, g, func(ctx context.Context) error { return s.Bucket.RemoveTree(ctx, key) })
}
