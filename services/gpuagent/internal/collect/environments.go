package collect

import (
	"cmp"
	"context"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/garbage"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
)

// environments removes Python environments that are unused or too many, and what
// is left of those that were not finished.
func (s *sweep) environments(ctx context.Context) error {
	busySince := s.Node.BusySince() // before the look at what is used, so that nothing falls in between
	if !busySince.IsZero() {
		busySince = busySince.Add(-pyenv.UsedEarly)
	}
	stored, err := s.Envs.List()
	if err != nil {
		return err
	}
	byName := map[string]pyenv.Stored{}
	var ready []garbage.Environment
	for _, env := range stored {
		byName[env.Name] = env
		if env.Ready {
			ready = append(ready, garbage.Environment{Name: env.Name, Holds: env.Holds, Bytes: env.Bytes, Used: env.Used})
		} else if err := s.unfinished(ctx, env); err != nil {
			return err
		}
	}
	for _, e := range s.Retention.EnvironmentsThatGo(ready, busySince, s.now) {
		reason := cmp.Or(e.Holds, "no packages") + ": " + e.Reason
		if err := s.dropEnvironment(ctx, byName[e.Name], reason); err != nil {
			return err
		}
	}
	return nil
}

// unfinished removes an environment that nobody builds, unless it is young.
func (s *sweep) unfinished(ctx context.Context, env pyenv.Stored) error {
	if !garbage.LeftoverGoes(env.Used, s.now) {
		return nil
	}
	return s.dropEnvironment(ctx, env, "left half built, or half removed")
}

func (s *sweep) dropEnvironment(ctx context.Context, env pyenv.Stored, reason string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	g := &metav1.Garbage{Kind: "environment", Name: env.Name, Bytes: env.Bytes, Reason: reason}
	return s.dispose(g, func() (bool, error) { return s.Envs.Remove(env) })
}

// Keep collects soon and then at every interval until ctx ends, where retention
// is set.
func (c *Collector) Keep(ctx context.Context, interval time.Duration, failed func(error)) {
	const settle = time.Minute // for the node to adopt its workloads
	if !c.Retention.Any() {
		return
	}
	next := time.NewTimer(min(settle, interval))
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		err := c.Collect(ctx, false, func(*metav1.Garbage) error { return nil })
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		next.Reset(interval)
	}
}
