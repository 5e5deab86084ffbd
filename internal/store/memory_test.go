package store_test

import (
	"context"
	"testing"
	"testing/synctest"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/storetest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) (store.Backend, string) { return store.NewMemory(), "/test/" })
}

func TestMemoryForgetsHistory(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	for range 10_000 {
		if _, err := m.Commit(t.Context(), store.Op{Key: "/a", Expect: store.AnyRevision}); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := m.Watch(t.Context(), "/", 1)
	if err != nil {
		t.Fatal(err)
	}
	if batch, open := <-changes; open {
		t.Errorf("a watch from a forgotten revision delivered %d changes", len(batch))
	}
}

// lossy is a backend whose watches end as soon as they begin.
type lossy struct{ *store.Memory }

func (lossy) Watch(context.Context, string, int64) (<-chan []store.Change, error) {
	lost := make(chan []store.Change)
	close(lost)
	return lost, nil
}

func TestCacheListsAnewWhenTheWatchIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		col := store.NewCollection[*metav1.ObjectMeta](lossy{store.NewMemory()}, "/test/")
		var deleted []string
		cache := store.NewCache(col, nil, func(updates []store.Update[*metav1.ObjectMeta]) {
			for _, u := range updates {
				if u.Deleted {
					deleted = append(deleted, u.Item.Key+" "+u.Item.Value.GetName())
				}
			}
		})
		go func() { _ = cache.Run(t.Context()) }()

		rev, err := col.Create(t.Context(), "a", &metav1.ObjectMeta{Name: "first"})
		if err != nil {
			t.Fatal(err)
		}
		if err := cache.WaitFor(t.Context(), rev); err != nil {
			t.Fatal(err)
		}
		if err := col.Delete(t.Context(), "a", rev); err != nil {
			t.Fatal(err)
		}
		if err := cache.WaitFor(t.Context(), rev+1); err != nil {
			t.Fatal(err)
		}
		if cache.Len() != 0 || len(deleted) != 1 || deleted[0] != "a first" {
			t.Errorf("%d items, deletions %v; want none, and that of a", cache.Len(), deleted)
		}
	})
}

func TestCacheStopsAtAnUnreadableValue(t *testing.T) {
	t.Parallel()
	m := store.NewMemory()
	if _, err := m.Commit(t.Context(), store.Op{Key: "/test/a", Value: []byte{0xff}}); err != nil {
		t.Fatal(err)
	}
	cache := store.NewCache(store.NewCollection[*metav1.ObjectMeta](m, "/test/"), nil, nil)
	if err := cache.Run(t.Context()); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want an internal fault", err)
	}
}
