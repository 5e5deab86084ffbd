// Package eventtest is the conformance suite of event buses. Every bus runs all
// of it.
package eventtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/internal/event"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// Run runs the suite. open returns an empty bus.
func Run(t *testing.T, open func(t *testing.T) event.Bus) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, event.Bus){
		"EventsArriveWholeAndInOrder": arriveWhole,
		"DuplicatesAreDropped":        dropDuplicates,
		"PatternsSelect":              patternsSelect,
		"FailedEventComesAgain":       failedComesAgain,
		"DurableGoesOn":               durableGoesOn,
		"OddNamesTravel":              oddNames,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func sample(n int, kind, name string) event.Event {
	s := event.Subject{Service: "test", Kind: kind, Namespace: "default", Name: name, What: "created"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	return event.Changed(s, fmt.Sprintf("uid-%d", n), "/test/"+name, int64(n), at)
}

func publish(t *testing.T, bus event.Bus, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		if err := bus.Publish(t.Context(), e); err != nil {
			t.Fatalf("publish %s: %v", e.ID, err)
		}
	}
}

// subscriber collects what a subscription delivers.
type subscriber struct {
	t      *testing.T
	events chan event.Event
	stop   context.CancelFunc
	ended  chan error
}

// subscribe starts a durable subscription, which therefore misses nothing.
func subscribe(t *testing.T, bus event.Bus, pattern, durable string, refuse func(event.Event) error) *subscriber {
	ctx, stop := context.WithCancel(t.Context())
	s := &subscriber{t: t, events: make(chan event.Event, 100), stop: stop, ended: make(chan error, 1)}
	go func() {
		s.ended <- bus.Subscribe(ctx, event.Subscription{Pattern: pattern, Durable: durable}, func(_ context.Context, e event.Event) error {
			s.events <- e
			if refuse != nil {
				return refuse(e)
			}
			return nil
		})
	}()
	return s
}

func (s *subscriber) next() event.Event {
	s.t.Helper()
	select {
	case e := <-s.events:
		return e
	case err := <-s.ended:
		s.t.Fatalf("the subscription ended: %v", err)
	case <-time.After(patience):
		s.t.Fatal("no event came")
	}
	return event.Event{}
}

func (s *subscriber) end() {
	s.t.Helper()
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("the subscription ended with %v", err)
		}
	case <-time.After(patience):
		s.t.Error("the subscription goes on without its context")
	}
}

func arriveWhole(t *testing.T, bus event.Bus) {
	s := subscribe(t, bus, "kfmesh.test.>", "all", nil)
	defer s.end()
	const n = 50
	for i := range n {
		publish(t, bus, sample(i, "thing", "a"))
	}
	for i := range n {
		got, want := s.next(), sample(i, "thing", "a")
		if got.ID != want.ID || got.Source != want.Source || got.Type != want.Type || got.Subject != want.Subject ||
			!got.Time.Equal(want.Time) || !proto.Equal(got.Data, want.Data) {
			t.Fatalf("event %d: got %+v, want %+v", i, got, want)
		}
	}
}

func dropDuplicates(t *testing.T, bus event.Bus) {
	publish(t, bus, sample(1, "thing", "a"), sample(1, "thing", "a"), sample(2, "thing", "a"))
	s := subscribe(t, bus, "kfmesh.>", "d", nil)
	defer s.end()
	if first, second := s.next(), s.next(); first.ID == second.ID {
		t.Errorf("%s came twice", first.ID)
	}
}

func patternsSelect(t *testing.T, bus event.Bus) {
	publish(t, bus, sample(1, "run", "a"), sample(2, "job", "a"), sample(3, "run", "b"))
	s := subscribe(t, bus, "kfmesh.test.run.*.*.created", "runs", nil)
	defer s.end()
	for _, want := range []string{"/test/a@1", "/test/b@3"} {
		if got := s.next(); got.ID != want {
			t.Errorf("got %s, want %s", got.ID, want)
		}
	}
}

func failedComesAgain(t *testing.T, bus event.Bus) {
	publish(t, bus, sample(1, "run", "a"), sample(2, "run", "a"))
	failures := 2
	s := subscribe(t, bus, "kfmesh.>", "f", func(event.Event) error {
		if failures > 0 {
			failures--
			return errors.New("not now")
		}
		return nil
	})
	defer s.end()
	for i, want := range []int64{1, 1, 1, 2} {
		if got := s.next().Data.GetRevision(); got != want {
			t.Fatalf("delivery %d is event %d, want %d", i, got, want)
		}
	}
}

func durableGoesOn(t *testing.T, bus event.Bus) {
	publish(t, bus, sample(1, "run", "a"))
	s := subscribe(t, bus, "kfmesh.>", "keep", nil)
	s.next()
	// The first event is settled once a second one has come.
	publish(t, bus, sample(2, "run", "a"))
	s.next()
	s.end()
	publish(t, bus, sample(3, "run", "a"))
	s = subscribe(t, bus, "kfmesh.>", "keep", nil)
	defer s.end()
	got := s.next().Data.GetRevision()
	if got == 2 { // its acknowledgement may have been lost with the subscriber
		got = s.next().Data.GetRevision()
	}
	if got != 3 {
		t.Errorf("the subscription went on with event %d, want 3", got)
	}
}

func oddNames(t *testing.T, bus event.Bus) {
	const name = "a.b *>%\tü"
	publish(t, bus, sample(1, "run", name))
	s := subscribe(t, bus, "kfmesh.test.run.default.*.created", "odd", nil)
	defer s.end()
	if got := s.next().Subject.Name; got != name {
		t.Errorf("got name %q, want %q", got, name)
	}
}
