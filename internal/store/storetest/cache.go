package storetest

import (
	"context"
	"errors"
	"fmt"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// cacheFollows runs a cache against the backend, through creation, update,
// deletion and reads of its own writes.
func cacheFollows(s *suite) {
	col := store.NewCollection[*metav1.ObjectMeta](s.Backend, s.prefix)
	s.create(col, "before", "x")
	byNamespace := map[string]store.Index[*metav1.ObjectMeta]{
		"namespace": func(_ string, m *metav1.ObjectMeta) []string { return []string{m.GetNamespace()} },
	}
	var seen []string // written by Run's goroutine only, read after it has ended
	cache := store.NewCache(col, byNamespace, func(updates []store.Update[*metav1.ObjectMeta]) {
		for _, u := range updates {
			seen = append(seen, fmt.Sprintf("%s %s deleted=%t initial=%t", u.Item.Key, u.Item.Value.GetNamespace(), u.Deleted, u.Initial))
		}
	})
	stop := s.runCache(cache)

	if err := cache.WaitSynced(s.ctx); err != nil {
		s.Fatalf("sync: %v", err)
	}
	rev := s.create(col, "b", "x")
	rev = s.update(col, "b", "y", rev)
	last := s.create(col, "a", "y")
	if err := cache.WaitFor(s.ctx, last); err != nil {
		s.Fatalf("wait for %d: %v", last, err)
	}
	wantKeys(s, "list", cache.List(""), "a", "b", "before")
	wantKeys(s, "list b", cache.List("b"), "b", "before")
	wantKeys(s, "find x", cache.Find("namespace", "x"), "before")
	wantKeys(s, "find y", cache.Find("namespace", "y"), "a", "b")

	if err := col.Delete(s.ctx, "b", rev); err != nil {
		s.Fatalf("delete: %v", err)
	}
	if err := cache.WaitFor(s.ctx, last+1); err != nil {
		s.Fatalf("wait for the deletion: %v", err)
	}
	if _, ok := cache.Get("b"); ok || cache.Len() != 2 {
		s.Errorf("b is still there: %v of %d", ok, cache.Len())
	}
	wantKeys(s, "find y", cache.Find("namespace", "y"), "a")
	stop()
	want := []string{
		"before x deleted=false initial=true",
		"b x deleted=false initial=false",
		"b y deleted=false initial=false",
		"a y deleted=false initial=false",
		"b y deleted=true initial=false",
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		s.Errorf("observed\n%q, want\n%q", seen, want)
	}
}

// cacheLeavesOut runs a cache that leaves out a part of the collection: what comes to
// belong to that is as if it were deleted, and comes back when it belongs to it no more.
func cacheLeavesOut(s *suite) {
	col := store.NewCollection[*metav1.ObjectMeta](s.Backend, s.prefix)
	s.create(col, "a", "out")
	rev := s.create(col, "b", "in")
	byNamespace := map[string]store.Index[*metav1.ObjectMeta]{
		"namespace": func(_ string, m *metav1.ObjectMeta) []string { return []string{m.GetNamespace()} },
	}
	var seen []string // written by Run's goroutine only, read after it has ended
	cache := store.NewCache(col, byNamespace, func(updates []store.Update[*metav1.ObjectMeta]) {
		for _, u := range updates {
			seen = append(seen, fmt.Sprintf("%s %s deleted=%t", u.Item.Key, u.Item.Value.GetNamespace(), u.Deleted))
		}
	}).Without(func(m *metav1.ObjectMeta) bool { return m.GetNamespace() == "out" })
	stop := s.runCache(cache)
	wait := func(revision int64) {
		if err := cache.WaitFor(s.ctx, revision); err != nil {
			s.Fatalf("wait for %d: %v", revision, err)
		}
	}
	wait(rev)
	wantKeys(s, "list", cache.List(""), "b")
	rev = s.update(col, "b", "out", rev)
	wait(rev)
	wantKeys(s, "list with both out", cache.List(""))
	wantKeys(s, "find what is out", cache.Find("namespace", "out"))
	rev = s.update(col, "b", "in", rev)
	wait(rev)
	wantKeys(s, "list with one back", cache.List(""), "b")
	if err := col.Delete(s.ctx, "a", store.AnyRevision); err != nil {
		s.Fatalf("delete: %v", err)
	}
	wait(rev + 1)
	stop()
	want := []string{"b in deleted=false", "b in deleted=true", "b in deleted=false"}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		s.Errorf("observed\n%q, want\n%q", seen, want)
	}
}

// runCache runs a cache until the function it returns, which waits for its end.
func (s *suite) runCache(cache *store.Cache[*metav1.ObjectMeta]) (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan error, 1)
	go func() { done <- cache.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.Errorf("run ended with %v", err)
		}
	}
}

func (s *suite) create(col *store.Collection[*metav1.ObjectMeta], key, namespace string) int64 {
	s.Helper()
	return s.update(col, key, namespace, 0)
}

func (s *suite) update(col *store.Collection[*metav1.ObjectMeta], key, namespace string, rev int64) int64 {
	s.Helper()
	rev, err := col.Update(s.ctx, key, &metav1.ObjectMeta{Namespace: namespace}, rev)
	if err != nil {
		s.Fatalf("write %s: %v", key, err)
	}
	return rev
}

func wantKeys(s *suite, what string, items []store.Item[*metav1.ObjectMeta], want ...string) {
	s.Helper()
	var got []string
	for _, item := range items {
		got = append(got, item.Key)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}
