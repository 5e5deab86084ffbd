package cli

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fakeCache is a cache service and both housekeeping services.
type fakeCache struct {
	pipelinev1.UnimplementedCacheServiceServer
	entries   []*pipelinev1.CachedTask // newest first
	selectors []*pipelinev1.CacheSelector
	deleted   []*pipelinev1.DeleteCacheEntriesRequest
	pipeline  housekeeper
	node      nodeHousekeeper
}

func (f *fakeCache) ListCacheEntries(_ context.Context, r *pipelinev1.ListCacheEntriesRequest) (*pipelinev1.ListCacheEntriesResponse, error) {
	f.selectors = append(f.selectors, r.GetSelector())
	var found []*pipelinev1.CachedTask
	for _, e := range f.entries {
		if strings.HasPrefix(e.GetKey(), r.GetSelector().GetKey()) {
			found = append(found, e)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListCacheEntriesResponse{Entries: items, NextPageToken: next, TotalSize: int32(len(found))}, nil
}

func (f *fakeCache) DeleteCacheEntries(_ context.Context, r *pipelinev1.DeleteCacheEntriesRequest) (*pipelinev1.DeleteCacheEntriesResponse, error) {
	f.deleted = append(f.deleted, r)
	return &pipelinev1.DeleteCacheEntriesResponse{Deleted: int32(len(f.entries))}, nil
}

// housekeeper is the pipeline service's housekeeping.
type housekeeper struct {
	pipelinev1.UnimplementedHousekeepingServiceServer
	garbage []*metav1.Garbage
	fails   error
}

func (h *housekeeper) CollectGarbage(r *pipelinev1.CollectGarbageRequest, stream grpc.ServerStreamingServer[pipelinev1.CollectGarbageResponse]) error {
	for _, g := range h.garbage {
		g = proto.CloneOf(g)
		g.Removed = !r.GetDryRun()
		if err := stream.Send(&pipelinev1.CollectGarbageResponse{Garbage: g}); err != nil {
			return err
		}
	}
	return h.fails
}

// nodeHousekeeper is that of the agent.
type nodeHousekeeper struct {
	gpuagentv1.UnimplementedHousekeepingServiceServer
	garbage []*metav1.Garbage
}

func (h *nodeHousekeeper) CollectGarbage(_ *gpuagentv1.CollectGarbageRequest, stream grpc.ServerStreamingServer[gpuagentv1.CollectGarbageResponse]) error {
	for _, g := range h.garbage {
		if err := stream.Send(&gpuagentv1.CollectGarbageResponse{Garbage: g}); err != nil {
			return err
		}
	}
	return nil
}

// jobHousekeeper is that of the training service, which keeps all.
type jobHousekeeper struct {
	trainingv1.UnimplementedHousekeepingServiceServer
}

func (jobHousekeeper) CollectGarbage(*trainingv1.CollectGarbageRequest, grpc.ServerStreamingServer[trainingv1.CollectGarbageResponse]) error {
	return nil
}

// withCache is a populated server with cache entries and garbage.
func withCache(t *testing.T) *fake {
	t.Helper()
	f := populated(t)
	f.cache = &fakeCache{entries: []*pipelinev1.CachedTask{
		{
			Namespace: "default", PipelineName: "breast-cancer", Key: "9f2a" + strings.Repeat("0", 60), RunId: runID, TaskPath: "train",
			CreatedAt: timestamppb.New(now.Add(-time.Hour)), ExpiresAt: timestamppb.New(now.Add(time.Hour)), ArtifactUris: []string{"/data/model"},
		},
		{Namespace: "default", PipelineName: "breast-cancer", Key: "9f2b" + strings.Repeat("0", 60), RunId: runID, TaskPath: "loop[1]/score", CreatedAt: timestamppb.New(now.Add(-48 * time.Hour))},
		{Namespace: "team", PipelineName: "hello", Key: "00aa" + strings.Repeat("0", 60), RunId: failedID, TaskPath: "say", CreatedAt: timestamppb.New(now.Add(-72 * time.Hour)), ExpiresAt: timestamppb.New(now.Add(-time.Hour))},
		{Namespace: "team", PipelineName: "hello", Key: "00ab" + strings.Repeat("0", 60), RunId: failedID, TaskPath: "ask", CreatedAt: timestamppb.New(now.Add(-96 * time.Hour))},
	}}
	f.cache.pipeline.garbage = []*metav1.Garbage{
		{Kind: "run", Name: runID, Reason: "good: it finished 40 days ago and runs are kept for 30 days"},
		{Kind: "artifact", Name: "/data/blobs/artifacts/p/" + runID, Bytes: 5 << 20, Reason: "its run is gone and no other uses it"},
	}
	f.cache.node.garbage = []*metav1.Garbage{
		{Kind: "environment", Name: "0a1b2c", Bytes: 1 << 30, Reason: "kfp==2.17.0: unused for 40 days, and environments are kept for 30 days"},
	}
	return f
}

func TestCacheAndGarbagePrinted(t *testing.T) {
	tests := []struct{ name, args string }{
		{"cache_list", "cache list"},
		{"cache_list_wide", "cache list -o wide --limit 2"},
		{"cache_list_json", "cache list -o json --limit 1"},
		{"cache_describe", "cache describe 9f2a"},
		{"gc", "gc"},
		{"gc_dry_run", "gc --dry-run"},
		{"gc_yaml", "gc -o yaml"},
		{"gc_name", "gc -o name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := invoke(t, withCache(t), strings.Fields(tt.args)...)
			if r.status != exitOK {
				t.Errorf("kfmesh %s: status %d, error %q", tt.args, r.status, r.err)
			}
			golden(t, tt.name, r.out)
		})
	}
}

func TestCacheSelection(t *testing.T) {
	f := withCache(t)
	r := invoke(t, f, strings.Fields("cache list --pipeline p --task t --run good --key 9f --older-than 24h -n team")...)
	want := &pipelinev1.CacheSelector{
		Namespace: "team", PipelineName: "p", Task: "t", RunId: runID, Key: "9f", CreatedBefore: timestamppb.New(now.Add(-24 * time.Hour)),
	}
	if r.status != exitOK || len(f.cache.selectors) == 0 || !proto.Equal(f.cache.selectors[0], want) {
		t.Errorf("status %d, error %q, selected %v, want %v", r.status, r.err, f.cache.selectors, want)
	}
}

func TestCacheClear(t *testing.T) {
	all := &pipelinev1.DeleteCacheEntriesRequest{All: true}
	tests := []struct {
		args, answer string
		status       int
		want         *pipelinev1.DeleteCacheEntriesRequest
	}{
		{"cache clear", "", exitUsage, nil},
		{"cache clear", "n\n", exitUsage, nil},
		{"cache clear", "yes\n", exitOK, all},
		{"cache clear --yes", "", exitOK, all},
		{"cache clear 9f", "", exitOK, &pipelinev1.DeleteCacheEntriesRequest{Selector: &pipelinev1.CacheSelector{Key: "9f"}}},
		{"cache clear 9f --key 9f", "", exitUsage, nil},
		{"cache clear --run gone-long-ago", "", exitOK, &pipelinev1.DeleteCacheEntriesRequest{Selector: &pipelinev1.CacheSelector{RunId: "gone-long-ago"}}},
		{"cache clear --older-than -1s", "", exitUsage, nil},
	}
	for _, tt := range tests {
		t.Run(tt.args+tt.answer, func(t *testing.T) {
			f := withCache(t)
			f.answer = tt.answer
			r := invoke(t, f, strings.Fields(tt.args)...)
			if r.status != tt.status {
				t.Errorf("status %d, want %d; error %q", r.status, tt.status, r.err)
			}
			switch {
			case tt.want == nil && len(f.cache.deleted) > 0:
				t.Errorf("asked to delete %v", f.cache.deleted)
			case tt.want != nil && (len(f.cache.deleted) != 1 || !proto.Equal(f.cache.deleted[0], tt.want)):
				t.Errorf("asked to delete %v, want %v", f.cache.deleted, tt.want)
			case tt.want != nil && r.out != "forgot 4 cache entries\n":
				t.Errorf("printed %q", r.out)
			}
		})
	}
}

func TestCacheDescribeWantsOne(t *testing.T) {
	f := withCache(t)
	r := invoke(t, f, "cache", "describe", "9f")
	if r.status != exitUsage || !strings.Contains(r.err, "2 cache entries have keys that start with \"9f\"") || !strings.Contains(r.err, "loop[1]/score") {
		t.Errorf("status %d, error %q", r.status, r.err)
	}
	if r := invoke(t, f, "cache", "describe", "77"); r.status != exitFailed {
		t.Errorf("status %d, error %q", r.status, r.err)
	}
}

// TestGarbageOfTheOtherService: what one service cannot do does not keep the
// next from its part, and is not kept silent.
func TestGarbageOfTheOtherService(t *testing.T) {
	f := withCache(t)
	f.cache.pipeline.fails = fault.Unavailablef("the archive cannot be reached")
	r := invoke(t, f, "gc", "-o", "name")
	if r.status != exitFailed || !strings.Contains(r.err, "the archive cannot be reached") {
		t.Errorf("status %d, error %q", r.status, r.err)
	}
	if lines := strings.Split(strings.TrimSpace(r.out), "\n"); !slices.Contains(lines, "environment/0a1b2c") {
		t.Errorf("printed %q", lines)
	}
}
