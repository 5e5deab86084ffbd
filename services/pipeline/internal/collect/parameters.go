package collect

import (
	"context"
	"path"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// parameters removes the parameters of runs that are gone which were kept apart
// for their size. They are there before their run is, so young ones stay.
func (s *sweep) parameters(ctx context.Context) error {
	old := map[string]blob.Child{} // by run
	for child, err := range s.Bucket.Children(ctx, path.Dir(state.ParametersBlob("x"))) {
		if err != nil {
			return err
		}
		if child.Folder || s.now.Sub(child.Modified) <= specGrace {
			continue
		}
		if old[child.Name] = child; len(old) == lookupSize {
			if err := s.dropParameters(ctx, old); err != nil {
				return err
			}
			clear(old)
		}
	}
	return s.dropParameters(ctx, old)
}

// dropParameters removes the parameters of those of the runs that are gone.
func (s *sweep) dropParameters(ctx context.Context, byRun map[string]blob.Child) error {
	gone, err := s.gone(ctx, sortedKeys(byRun))
	if err != nil {
		return err
	}
	for _, run := range gone {
		key := state.ParametersBlob(run)
		g := &metav1.Garbage{Kind: "parameters", Name: key, Bytes: byRun[run].Bytes, Reason: "their run is gone"}
		if err := s.dispose(ctx, g, func(ctx context.Context) error { return s.Bucket.Delete(ctx, key) }); err != nil {
			return err
		}
	}
	return nil
}
