package remote_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/store"
)

func TestAWatchGoesOnAtTheNextServer(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	address, stop := serve(t, memory, "127.0.0.1:0")
	changes, err := connect(t, address, "a").Watch(t.Context(), "/test/", 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for round := range 3 {
		for i := range 50 {
			ops := []store.Op{{Key: "/test/a" + strconv.Itoa(100*round+i)}, {Key: "/test/b" + strconv.Itoa(100*round+i)}}
			if _, err := memory.Commit(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
			if i == 25 {
				stop()
				_, stop = serve(t, memory, address)
			}
		}
	}
	last := int64(0)
	for seen < 300 {
		select {
		case batch, ok := <-changes:
			if !ok {
				t.Fatalf("the watch ended after %d changes", seen)
			}
			for _, c := range batch {
				if c.Revision < last {
					t.Fatalf("revision %d comes after %d", c.Revision, last)
				}
				last = c.Revision
			}
			seen += len(batch)
		case <-time.After(patience):
			t.Fatalf("only %d changes came", seen)
		}
	}
	if seen != 300 {
		t.Errorf("%d changes came", seen)
	}
}

// forgetful is a store that keeps no changes.
type forgetful struct{ *store.Memory }

func (forgetful) Watch(context.Context, string, int64) (<-chan []store.Change, error) {
	lost := make(chan []store.Change)
	close(lost)
	return lost, nil
}

func TestAWatchThatIsLostEnds(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, forgetful{store.NewMemory()}, "127.0.0.1:0")
	changes, err := connect(t, address, "a").Watch(t.Context(), "/test/", 1)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case batch, open := <-changes:
		if open {
			t.Errorf("got %v", batch)
		}
	case <-time.After(patience):
		t.Error("the watch goes on")
	}
}
