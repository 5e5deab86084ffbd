package engine

import (
	"context"
	"slices"

	"github.com/kfmesh/kfmesh/internal/batch"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// newDeletions returns the queue of those who delete workloads. A run of many short
// steps deletes as many workloads as it makes: those that come while others are
// being deleted are deleted in one commit.
func newDeletions(s *state.State) *batch.Queue[string] {
	return batch.New(batch.Options[string]{Items: store.MaxOps}, func(ctx context.Context, keys []string) []error {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		err := deleteAll(ctx, s, keys)
		return slices.Repeat([]error{err}, len(keys))
	})
}

// deleteAll deletes workloads from the store, whoever has written them last. One that
// does not exist is not an error.
func deleteAll(ctx context.Context, s *state.State, keys []string) error {
	slices.Sort(keys)
	var ops []store.Op
	for _, key := range slices.Compact(keys) {
		ops = append(ops, s.Workloads.DeleteOp(key, store.AnyRevision))
	}
	_, err := s.Backend.Commit(ctx, ops...)
	return err
}
