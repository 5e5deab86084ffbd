package collect

import (
	"context"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// entries drops cache entries that have expired, and those whose artifacts have
// just gone. Others whose artifacts are gone are dropped when a task comes by.
func (s *sweep) entries(ctx context.Context) error {
	items, _, err := s.State.Cache.List(ctx, "")
	if err != nil {
		return err
	}
	for _, item := range items {
		reason := s.whyUseless(item.Value)
		if reason == "" {
			continue
		}
		_, pipeline, key := state.ParseCacheKey(item.Key)
		g := &metav1.Garbage{Kind: "cache-entry", Name: key, Reason: "task " + item.Value.GetTask().GetPath() + " of " + pipeline + ": " + reason}
		if err := s.dispose(ctx, g, func(ctx context.Context) error { return s.dropEntry(ctx, item) }); err != nil {
			return err
		}
	}
	return nil
}

// whyUseless is why an entry goes, or nothing.
func (s *sweep) whyUseless(entry *pipelinev1.CacheEntry) string {
	if state.Expired(entry, s.Retention.CacheTTL, s.now) {
		return "it has expired"
	}
	root := s.Bucket.URI(state.Artifacts)
	for _, a := range entry.GetTask().GetOutputArtifacts() {
		place, below := garbage.PlaceOf(root, a.GetUri())
		if below && garbage.Below(a.GetUri(), s.removed[place]) {
			return "its artifacts are gone"
		}
	}
	return ""
}

// dropEntry forgets an entry, unless a task has replaced it meanwhile.
func (s *sweep) dropEntry(ctx context.Context, item store.Item[*pipelinev1.CacheEntry]) error {
	err := s.State.Cache.Delete(ctx, item.Key, item.Revision)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}
