package api

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// cacheEpoch is when the oldest entry was made.
var cacheEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fill makes entries a0 (oldest) to a4 of pipeline "train" and b5 of another, in
// another namespace, an hour apart.
func fill(t *testing.T, f *fixture) {
	t.Helper()
	for i := range 6 {
		namespace, pipeline, key := "default", "train", fmt.Sprintf("a%d", i)
		if i == 5 {
			namespace, pipeline, key = "team", "other/one", "b5"
		}
		entry := &pipelinev1.CacheEntry{
			RunId:     fmt.Sprintf("run-%d", i%2),
			CreatedAt: timestamppb.New(cacheEpoch.Add(time.Duration(i) * time.Hour)),
			Task: &pipelinev1.Task{
				Name: "step", Path: fmt.Sprintf("loop[%d]/step", i),
				OutputArtifacts: []*pipelinev1.TaskArtifact{{Uri: "/b"}, {Uri: "/a"}},
			},
		}
		if _, err := f.state.Cache.Create(t.Context(), state.CacheKey(namespace, pipeline, key), entry); err != nil {
			t.Fatal(err)
		}
	}
}

// selections are selectors with the keys of what they select, the newest first.
func selections() map[string]struct {
	selector *pipelinev1.CacheSelector
	want     []string
} {
	return map[string]struct {
		selector *pipelinev1.CacheSelector
		want     []string
	}{
		"namespace":   {&pipelinev1.CacheSelector{Namespace: "team"}, []string{"b5"}},
		"kubeflow's":  {&pipelinev1.CacheSelector{Namespace: "kubeflow", RunId: "run-1"}, []string{"a3", "a1"}},
		"pipeline":    {&pipelinev1.CacheSelector{PipelineName: "other/one"}, []string{"b5"}},
		"both":        {&pipelinev1.CacheSelector{Namespace: "team", PipelineName: "train"}, nil},
		"key":         {&pipelinev1.CacheSelector{Key: "a3"}, []string{"a3"}},
		"start of it": {&pipelinev1.CacheSelector{Key: "b"}, []string{"b5"}},
		"run":         {&pipelinev1.CacheSelector{RunId: "run-1"}, []string{"b5", "a3", "a1"}},
		"task name":   {&pipelinev1.CacheSelector{Task: "step", Key: "a0"}, []string{"a0"}},
		"task path":   {&pipelinev1.CacheSelector{Task: "loop[2]/step"}, []string{"a2"}},
		"older":       {&pipelinev1.CacheSelector{CreatedBefore: timestamppb.New(cacheEpoch.Add(2 * time.Hour))}, []string{"a1", "a0"}},
		"nothing":     {&pipelinev1.CacheSelector{RunId: "run"}, nil},
	}
}

// listedKeys lists page by page.
func listedKeys(t *testing.T, f *fixture, selector *pipelinev1.CacheSelector, size int32) []string {
	t.Helper()
	var keys []string
	for token := ""; ; {
		page, err := f.ListCacheEntries(t.Context(), &pipelinev1.ListCacheEntriesRequest{Selector: selector, PageSize: size, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEntries() {
			keys = append(keys, e.GetKey())
		}
		if token = page.GetNextPageToken(); token == "" {
			if int(page.GetTotalSize()) != len(keys) {
				t.Errorf("total %d, listed %d", page.GetTotalSize(), len(keys))
			}
			return keys
		}
	}
}

func TestListCacheEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fill(t, f)
	if got := listedKeys(t, f, nil, 4); !slices.Equal(got, []string{"b5", "a4", "a3", "a2", "a1", "a0"}) {
		t.Errorf("listed %v", got)
	}
	for name, tt := range selections() {
		if got := listedKeys(t, f, tt.selector, 1); !slices.Equal(got, tt.want) {
			t.Errorf("%s: listed %v, want %v", name, got, tt.want)
		}
	}
	page, err := f.ListCacheEntries(t.Context(), &pipelinev1.ListCacheEntriesRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := page.GetEntries()[0]
	if e.GetNamespace() != "team" || e.GetPipelineName() != "other/one" || e.GetTaskPath() != "loop[5]/step" ||
		!slices.Equal(e.GetArtifactUris(), []string{"/a", "/b"}) || e.GetExpiresAt() != nil {
		t.Errorf("entry %v", e)
	}
	for name, request := range map[string]*pipelinev1.ListCacheEntriesRequest{
		"another list's token": {PageToken: page.GetNextPageToken(), Selector: &pipelinev1.CacheSelector{RunId: "run-1"}},
		"no token":             {PageToken: "?"},
		"negative size":        {PageSize: -1},
		"no namespace":         {Selector: &pipelinev1.CacheSelector{Namespace: "../x"}},
		"no time":              {Selector: &pipelinev1.CacheSelector{CreatedBefore: &timestamppb.Timestamp{Nanos: -1}}},
	} {
		if _, err := f.ListCacheEntries(t.Context(), request); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeleteCacheEntries(t *testing.T) {
	t.Parallel()
	for name, tt := range selections() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			fill(t, f)
			got, err := f.DeleteCacheEntries(t.Context(), &pipelinev1.DeleteCacheEntriesRequest{Selector: tt.selector})
			if err != nil || int(got.GetDeleted()) != len(tt.want) {
				t.Fatalf("deleted %v, %v; want %d", got, err, len(tt.want))
			}
			for _, key := range listedKeys(t, f, nil, 0) {
				if slices.Contains(tt.want, key) {
					t.Errorf("%s is still there", key)
				}
			}
		})
	}
}

func TestDeleteAllCacheEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fill(t, f)
	for name, request := range map[string]*pipelinev1.DeleteCacheEntriesRequest{
		"nothing said":   {},
		"empty selector": {Selector: &pipelinev1.CacheSelector{}},
		"some and all":   {Selector: &pipelinev1.CacheSelector{RunId: "run-1"}, All: true},
	} {
		if _, err := f.DeleteCacheEntries(t.Context(), request); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := f.DeleteCacheEntries(t.Context(), &pipelinev1.DeleteCacheEntriesRequest{All: true})
	if err != nil || got.GetDeleted() != 6 || len(listedKeys(t, f, nil, 0)) != 0 {
		t.Errorf("deleted %v, %v", got, err)
	}
}
