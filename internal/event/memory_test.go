package event_test

import (
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/eventtest"
	"github.com/kfmesh/kfmesh/internal/store"
)

func TestMemoryConforms(t *testing.T) {
	eventtest.Run(t, func(*testing.T) event.Bus { return event.NewMemory() })
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a.b", "a.b", true},
		{"a.*", "a.b", true},
		{"a.*", "a.b.c", false},
		{"a.>", "a.b.c", true},
		{"a.>", "a", false},
		{"a.b.c", "a.b", false},
	} {
		if got := event.Match(tc.pattern, tc.subject); got != tc.want {
			t.Errorf("Match(%q, %q) is %v", tc.pattern, tc.subject, got)
		}
	}
}

// A relay that is stopped and started again publishes everything once.
func TestRelayMissesAndRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend, bus := store.NewMemory(), event.NewMemory()
		var mu sync.Mutex
		var got []string
		subscribed, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			_ = bus.Subscribe(subscribed, event.Subscription{Pattern: "kfmesh.>"}, func(_ context.Context, e event.Event) error {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, e.Subject.Name)
				return nil
			})
		}()
		for _, keys := range [][]string{{"/x/a", "/y/no", "/x/b"}, {"/x/c"}, {"/x/d", "/x/e"}} {
			ctx, cancel := context.WithCancel(t.Context())
			relay := &event.Relay{Backend: backend, Bus: bus, Name: "test", Prefix: "/x/", Decode: decode, Log: slog.New(slog.DiscardHandler)}
			done := make(chan struct{})
			go func() { relay.Run(ctx); close(done) }()
			synctest.Wait()
			for i, key := range keys {
				if i == len(keys)-1 {
					time.Sleep(3 * time.Second) // virtual time: the position is stored before the last event only
				}
				if _, err := backend.Commit(t.Context(), store.Op{Key: key}); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			cancel()
			<-done
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := []string{"/x/a", "/x/b", "/x/c", "/x/d", "/x/e"}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("event %d is %s, want %s", i, got[i], want[i])
			}
		}
	})
}

func decode(c store.Change) (event.Event, bool) {
	s := event.Subject{Service: "test", Kind: "x", Name: c.Key, What: "created"}
	return event.Changed(s, c.Key, c.Key, c.Revision, time.Unix(0, 0)), !c.Deleted
}
