package event

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// keptEvents is how many events a Memory keeps for durable subscribers.
const keptEvents = 8192

// redelivery is the pause before an event whose handling failed comes again.
const redelivery = 50 * time.Millisecond

// Memory is a Bus that lives and dies with the process.
type Memory struct {
	mu       sync.Mutex
	events   []Event              // guarded by mu; the latest, oldest first
	first    int                  // guarded by mu; number of the first of events
	ids      map[string]struct{}  // guarded by mu; of events
	durables map[string]*position // guarded by mu
	changed  chan struct{}        // guarded by mu; closed and replaced when a subscriber may go on
}

// position is how far a subscriber has come.
type position struct {
	next int  // number of the next event to look at
	busy bool // an event is being handled
}

// NewMemory returns an empty bus.
func NewMemory() *Memory {
	return &Memory{ids: map[string]struct{}{}, durables: map[string]*position{}, changed: make(chan struct{})}
}

// Publish implements Bus.
func (m *Memory) Publish(ctx context.Context, e Event) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Canceled, "the event was given up").WithCause(err)
	}
	if e.ID == "" {
		return fault.Invalidf("id", "an event needs an id")
	}
	if e.Data != nil {
		e.Data = proto.Clone(e.Data).(*eventv1.ResourceChanged)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.ids[e.ID]; known {
		return nil
	}
	m.ids[e.ID] = struct{}{}
	m.events = append(m.events, e)
	if len(m.events) >= 2*keptEvents {
		m.forget(keptEvents)
	}
	m.wake()
	return nil
}

// forget drops the n oldest events. The caller holds mu.
func (m *Memory) forget(n int) {
	for _, e := range m.events[:n] {
		delete(m.ids, e.ID)
	}
	m.events = append([]Event(nil), m.events[n:]...)
	m.first += n
}

// wake lets every subscriber look again. The caller holds mu.
func (m *Memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Subscribe implements Bus.
func (m *Memory) Subscribe(ctx context.Context, sub Subscription, handle func(context.Context, Event) error) error {
	at := m.position(sub.Durable)
	for ctx.Err() == nil {
		e, taken, changed := m.take(at, sub.Pattern)
		if !taken {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		err := handle(ctx, e)
		m.release(at, err == nil)
		if err != nil {
			select {
			case <-time.After(redelivery):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// position returns where a subscriber begins.
func (m *Memory) position(durable string) *position {
	m.mu.Lock()
	defer m.mu.Unlock()
	if durable == "" {
		return &position{next: m.first + len(m.events)}
	}
	if m.durables[durable] == nil {
		m.durables[durable] = &position{}
	}
	return m.durables[durable]
}

// take claims the next event that matches, or returns a channel that closes
// when it is worth another try.
func (m *Memory) take(at *position, pattern string) (Event, bool, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at.busy {
		return Event{}, false, m.changed
	}
	at.next = max(at.next, m.first)
	for ; at.next < m.first+len(m.events); at.next++ {
		if e := m.events[at.next-m.first]; Matches(pattern, e.Subject.String()) {
			at.busy = true
			return e, true, nil
		}
	}
	return Event{}, false, m.changed
}

// release ends the handling of an event.
func (m *Memory) release(at *position, handled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at.busy = false
	if handled {
		at.next++
	}
	m.wake()
}
