// Package eventtest is the conformance suite of event buses: what publishers
// and subscribers may rely on, written as tests. Every bus runs all of it.
package eventtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// Run runs the suite. open returns a bus that nobody else uses.
func Run(t *testing.T, open func(t *testing.T) event.Bus) {
	t.Helper()
	for name, test := range map[string]func(*suite){
		"EventsArriveWhole":        eventsArriveWhole,
		"EventsArriveInOrder":      eventsArriveInOrder,
		"PatternsSelect":           patternsSelect,
		"DuplicatesAreDropped":     duplicatesAreDropped,
		"FailuresAreDeliveredAnew": failuresAreDeliveredAnew,
		"DurableGoesOn":            durableGoesOn,
		"DurableIsShared":          durableIsShared,
		"LiveSeesOnlyNow":          liveSeesOnlyNow,
		"EndedContext":             endedContext,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			test(&suite{T: t, Bus: open(t), ctx: ctx})
		})
	}
}

// suite is one test with its bus.
type suite struct {
	*testing.T
	event.Bus
	ctx context.Context //nolint:containedctx // lives as long as the test
}

// change returns the n-th event of a run.
func change(run string, n int) event.Event {
	what := fmt.Sprintf("state-%d", n)
	return event.Event{
		ID:      fmt.Sprintf("/kfmesh/pipeline/runs/%s@%d", run, n),
		Source:  "/kfmesh/pipeline",
		Type:    "dev.kfmesh.pipeline.run." + what,
		Subject: event.Subject{Service: "pipeline", Kind: "run", Namespace: "team.a", Name: run, What: what},
		Time:    time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC),
		Data: &eventv1.ResourceChanged{
			Service: "pipeline", Kind: "run", Namespace: "team.a", Name: run, What: what, Revision: int64(n),
			Time: timestamppb.New(time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC)),
		},
	}
}

func (s *suite) publish(events ...event.Event) {
	s.Helper()
	for _, e := range events {
		if err := s.Publish(s.ctx, e); err != nil {
			s.Fatalf("publish %s: %v", e.ID, err)
		}
	}
}

// subscriber collects what a subscription brings.
type subscriber struct {
	s    *suite
	got  chan event.Event
	stop context.CancelFunc
	done chan error
}

// subscribe starts a subscriber; handle, which may be nil, decides what becomes
// of an event after it was collected.
func (s *suite) subscribe(sub event.Subscription, handle func(event.Event) error) *subscriber {
	ctx, stop := context.WithCancel(s.ctx)
	c := &subscriber{s: s, got: make(chan event.Event, 1000), stop: stop, done: make(chan error, 1)}
	go func() {
		c.done <- s.Subscribe(ctx, sub, func(_ context.Context, e event.Event) error {
			c.got <- e
			if handle != nil {
				return handle(e)
			}
			return nil
		})
	}()
	s.Cleanup(stop)
	return c
}

// next returns the next event.
func (c *subscriber) next() event.Event {
	c.s.Helper()
	select {
	case e := <-c.got:
		return e
	case err := <-c.done:
		c.s.Fatalf("the subscription ended: %v", err)
	case <-time.After(patience):
		c.s.Fatal("no event arrived")
	}
	return event.Event{}
}

// wants fails the test unless these events come next, in this order.
func (c *subscriber) wants(ids ...string) {
	c.s.Helper()
	for _, id := range ids {
		if e := c.next(); e.ID != id {
			c.s.Errorf("got %s, want %s", e.ID, id)
		}
	}
}

// ends stops the subscriber and waits for its end.
func (c *subscriber) ends() {
	c.s.Helper()
	c.stop()
	select {
	case err := <-c.done:
		if !errors.Is(err, context.Canceled) {
			c.s.Errorf("the subscription ended with %v", err)
		}
	case <-time.After(patience):
		c.s.Fatal("the subscription goes on without its context")
	}
}

// quiet ends the subscriber and fails the test if there was anything left.
func (c *subscriber) quiet() {
	c.s.Helper()
	c.ends()
	select {
	case e := <-c.got:
		c.s.Errorf("%s came beside what was wanted", e.ID)
	default:
	}
}

var all = event.Subscription{Pattern: "kfmesh.>", Durable: "all"}

func eventsArriveWhole(s *suite) {
	want := change("r1", 1)
	s.publish(want)
	got := s.subscribe(all, nil).next()
	if got.ID != want.ID || got.Source != want.Source || got.Type != want.Type || got.Subject != want.Subject ||
		!got.Time.Equal(want.Time) || !proto.Equal(got.Data, want.Data) {
		s.Errorf("got %+v, want %+v", got, want)
	}
}

func eventsArriveInOrder(s *suite) {
	const n = 100
	c := s.subscribe(all, nil)
	for i := range n {
		s.publish(change("r1", i))
	}
	for i := range n {
		c.wants(change("r1", i).ID)
	}
}

func patternsSelect(s *suite) {
	r1, r2 := change("r1", 1), change("r2", 2)
	artifact := change("a1", 3)
	artifact.Subject.Service, artifact.Subject.Kind = "metadata", "artifact"
	s.publish(r1, artifact, r2)
	for pattern, want := range map[string][]string{
		"kfmesh.>":                {r1.ID, artifact.ID, r2.ID},
		"kfmesh.pipeline.>":       {r1.ID, r2.ID},
		"kfmesh.*.artifact.*.*.*": {artifact.ID},
		"kfmesh.*.*.*.r2.*":       {r2.ID},
		r1.Subject.String():       {r1.ID},
	} {
		c := s.subscribe(event.Subscription{Pattern: pattern, Durable: fmt.Sprintf("p%d-%d", len(pattern), len(want))}, nil)
		c.wants(want...)
		c.quiet()
	}
}

func duplicatesAreDropped(s *suite) {
	e1, e2 := change("r1", 1), change("r1", 2)
	s.publish(e1, e1, e2, e1, e2)
	c := s.subscribe(all, nil)
	c.wants(e1.ID, e2.ID)
	c.quiet()
}

func failuresAreDeliveredAnew(s *suite) {
	e1, e2 := change("r1", 1), change("r1", 2)
	s.publish(e1, e2)
	failures := 2
	c := s.subscribe(all, func(event.Event) error {
		if failures > 0 {
			failures--
			return fault.Unavailablef("not yet")
		}
		return nil
	})
	c.wants(e1.ID, e1.ID, e1.ID, e2.ID)
	c.quiet()
}

func durableGoesOn(s *suite) {
	e1, e2, e3 := change("r1", 1), change("r1", 2), change("r1", 3)
	s.publish(e1)
	first := s.subscribe(all, func(e event.Event) error {
		if e.ID == e2.ID {
			return fault.Unavailablef("about to end")
		}
		return nil
	})
	first.wants(e1.ID)
	s.publish(e2)
	first.wants(e2.ID)
	first.ends()
	s.publish(e3)
	second := s.subscribe(all, nil)
	second.wants(e2.ID, e3.ID)
	second.quiet()
}

func durableIsShared(s *suite) {
	const n = 20
	seen := make(chan string, 4*n)
	handle := func(e event.Event) error { seen <- e.ID; return nil }
	one, two := s.subscribe(all, handle), s.subscribe(all, handle)
	want := map[string]bool{}
	for i := range n {
		s.publish(change("r1", i))
		want[change("r1", i).ID] = true
	}
	for range n {
		select {
		case id := <-seen:
			if !want[id] {
				s.Errorf("%s came twice", id)
			}
			delete(want, id)
		case <-time.After(patience):
			s.Fatalf("%d events are missing", len(want))
		}
	}
	one.ends()
	two.ends()
}

func liveSeesOnlyNow(s *suite) {
	s.publish(change("old", 1))
	c := s.subscribe(event.Subscription{Pattern: "kfmesh.>"}, nil)
	// The subscription has begun once it brings anything.
	var got event.Event
	for n := 1; got.ID == ""; n++ {
		s.publish(change("probe", n))
		select {
		case got = <-c.got:
		case <-time.After(20 * time.Millisecond):
		case <-s.ctx.Done():
			s.Fatal("no event arrived")
		}
	}
	if got.Subject.Name != "probe" {
		s.Errorf("got %s, which was published before", got.ID)
	}
	s.publish(change("new", 1))
	for got.Subject.Name == "probe" {
		got = c.next()
	}
	if got.ID != change("new", 1).ID {
		s.Errorf("got %s, want the new event", got.ID)
	}
	c.quiet()
}

func endedContext(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.Publish(ctx, change("r1", 1)); !fault.Is(err, fault.Canceled) {
		s.Errorf("publish: got %v, want canceled", err)
	}
	handle := func(context.Context, event.Event) error { return nil }
	if err := s.Subscribe(ctx, all, handle); !errors.Is(err, context.Canceled) {
		s.Errorf("subscribe: got %v, want canceled", err)
	}
}
