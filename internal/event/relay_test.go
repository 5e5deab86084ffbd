package event_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func relayOf(backend store.Backend, bus event.Bus) event.Relay {
	return event.Relay{Backend: backend, Prefix: "/runs/", Decode: runChanged, Bus: bus, Log: slog.New(slog.DiscardHandler)}
}

// failing is a store whose first lists fail, and not because it cannot be reached.
type failing struct {
	*store.Memory
	lists int
}

func (f *failing) List(ctx context.Context, prefix string) ([]store.Entry, int64, error) {
	if f.lists--; f.lists >= 0 {
		return nil, 0, fault.Internalf(nil, "the store failed")
	}
	return f.Memory.List(ctx, prefix)
}

// picky is a bus that refuses what has a word in its name.
type picky struct {
	*event.Memory
	refuses string
}

func (p picky) Publish(ctx context.Context, e event.Event) error {
	if strings.Contains(e.ID, p.refuses) {
		return fault.Exhaustedf("the event is too large")
	}
	return p.Memory.Publish(ctx, e)
}

func TestRelayOutlivesFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tries = 4
		backend := &failing{Memory: store.NewMemory(), lists: tries}
		bus := picky{Memory: event.NewMemory(), refuses: "huge"}
		for _, key := range []string{"/runs/a", "/runs/huge", "/runs/z"} {
			if _, err := backend.Commit(t.Context(), store.Op{Key: key, Value: []byte("created")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := backend.Commit(t.Context(), store.Op{Key: "/kfmesh/relay/runs", Value: []byte("no number")}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- relayOf(backend, bus).Run(ctx) }()
		var got []string
		done := make(chan struct{})
		go func() {
			_ = bus.Subscribe(ctx, event.Subscription{Pattern: "kfmesh.>", Durable: "d"}, func(_ context.Context, e event.Event) error {
				if got = append(got, e.Subject.Name); len(got) == 2 {
					close(done)
				}
				return nil
			})
		}()
		<-done // in the bubble's time
		stop()
		if err := <-ended; err == nil || ctx.Err() == nil {
			t.Errorf("the relay ended with %v", err)
		}
		synctest.Wait()
		if want := []string{"/runs/a", "/runs/z"}; !slices.Equal(got, want) {
			t.Errorf("published %q, want %q", got, want)
		}
	})
}
