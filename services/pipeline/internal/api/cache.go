package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// caches implements CacheService.
type caches struct {
	pipelinev1.UnimplementedCacheServiceServer
	Deps
}

// The page sizes of ListCacheEntries.
const (
	defaultCachePage = 100
	maxCachePage     = 1000
)

// ListCacheEntries implements CacheService.
func (s *caches) ListCacheEntries(ctx context.Context, r *pipelinev1.ListCacheEntriesRequest) (*pipelinev1.ListCacheEntriesResponse, error) {
	q, fields, err := cacheQuery(r.GetSelector(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	if q.Size, err = cachePageSize(r.GetPageSize()); err != nil {
		return nil, err
	}
	entries, err := s.cacheEntries(ctx, r.GetSelector())
	if err != nil {
		return nil, err
	}
	page, err := list.Select(q, fields, entries)
	if err != nil {
		return nil, err
	}
	response := &pipelinev1.ListCacheEntriesResponse{TotalSize: int32(page.Total), NextPageToken: page.Next}
	for _, entry := range page.Items {
		response.Entries = append(response.Entries, s.cachedTask(entry))
	}
	return response, nil
}

// DeleteCacheEntries implements CacheService. An entry that a task replaces
// meanwhile stays: it is not what was selected.
func (s *caches) DeleteCacheEntries(ctx context.Context, r *pipelinev1.DeleteCacheEntriesRequest) (*pipelinev1.DeleteCacheEntriesResponse, error) {
	selects := !proto.Equal(r.GetSelector(), &pipelinev1.CacheSelector{}) && r.GetSelector() != nil
	switch {
	case !selects && !r.GetAll():
		return nil, fault.Invalidf("selector", "is empty; want at least one condition, or all=true to forget every entry")
	case selects && r.GetAll():
		return nil, fault.Invalidf("all", "goes without a selector: it means every entry")
	}
	q, fields, err := cacheQuery(r.GetSelector(), "")
	if err != nil {
		return nil, err
	}
	entries, err := s.cacheEntries(ctx, r.GetSelector())
	if err != nil {
		return nil, err
	}
	if entries, err = list.Match(q, fields, entries); err != nil {
		return nil, err
	}
	response := &pipelinev1.DeleteCacheEntriesResponse{}
	for _, entry := range entries {
		err := s.State.Cache.Delete(ctx, entry.Key, entry.Revision)
		switch {
		case err == nil:
			response.Deleted++
		case !fault.Is(err, fault.Conflict):
			return nil, err
		}
	}
	return response, nil
}

// cacheEntries reads the entries that the scope of a selector leaves.
func (s *caches) cacheEntries(ctx context.Context, selector *pipelinev1.CacheSelector) ([]cacheItem, error) {
	namespace := selector.GetNamespace()
	if namespace == "" {
		items, _, err := s.State.Cache.List(ctx, "")
		return items, err
	}
	namespace, err := namespaceOf(namespace)
	if err != nil {
		return nil, err
	}
	items, _, err := s.State.Cache.List(ctx, state.CacheScope(namespace, selector.GetPipelineName()))
	return items, err
}

func cachePageSize(asked int32) (int, error) {
	switch {
	case asked < 0:
		return 0, fault.Invalidf("page_size", "is %d; want 0 to %d", asked, maxCachePage)
	case asked == 0:
		return defaultCachePage, nil
	}
	return min(int(asked), maxCachePage), nil
}

// cachedTask is an entry as people see it.
func (s *caches) cachedTask(entry cacheItem) *pipelinev1.CachedTask {
	namespace, pipeline, key := state.ParseCacheKey(entry.Key)
	shown := &pipelinev1.CachedTask{
		Namespace:    namespace,
		PipelineName: pipeline,
		Key:          key,
		RunId:        entry.Value.GetRunId(),
		TaskPath:     entry.Value.GetTask().GetPath(),
		CreatedAt:    state.MadeAt(entry.Value),
	}
	if at := state.ExpiresAt(entry.Value, s.CacheTTL); !at.IsZero() {
		shown.ExpiresAt = timestamppb.New(at)
	}
	for _, a := range entry.Value.GetTask().GetOutputArtifacts() {
		shown.ArtifactUris = append(shown.ArtifactUris, a.GetUri())
	}
	slices.Sort(shown.ArtifactUris)
	return shown
}

// cacheItem is a cache entry with its key.
type cacheItem = store.Item[*pipelinev1.CacheEntry]
