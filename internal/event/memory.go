package event

import (
	"context"
	"sync"
	"time"
)

const (
	memoryHistory = 10_000                // events a Memory keeps
	redeliverWait = 50 * time.Millisecond // pause before a failed event is delivered again
)

// Memory is a Bus that lives and dies with the process.
type Memory struct {
	mu        sync.Mutex
	events    []Event         // guarded by mu; the newest memoryHistory
	first     int             // guarded by mu; number of events[0] since the beginning
	seen      map[string]bool // guarded by mu; ids of events
	positions map[string]int  // guarded by mu; next event of each durable
	published chan struct{}   // guarded by mu; closed and replaced with every event
}

// NewMemory returns an empty bus.
func NewMemory() *Memory {
	return &Memory{seen: map[string]bool{}, positions: map[string]int{}, published: make(chan struct{})}
}

// Publish implements Bus.
func (m *Memory) Publish(ctx context.Context, e Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[e.ID] {
		return nil
	}
	m.seen[e.ID] = true
	m.events = append(m.events, e)
	if len(m.events) > memoryHistory {
		delete(m.seen, m.events[0].ID)
		m.events = m.events[1:]
		m.first++
	}
	close(m.published)
	m.published = make(chan struct{})
	return nil
}

// Subscribe implements Bus.
func (m *Memory) Subscribe(ctx context.Context, sub Subscription, handle func(context.Context, Event) error) error {
	next := m.start(sub.Durable)
	for {
		e, number, published := m.at(next)
		if published != nil {
			select {
			case <-published:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		next = number
		if Match(sub.Pattern, e.Subject.String()) && !deliver(ctx, e, handle) {
			return nil
		}
		next++
		m.keep(sub.Durable, next)
	}
}

// deliver hands an event over until it is taken; false when ctx has ended first.
func deliver(ctx context.Context, e Event, handle func(context.Context, Event) error) bool {
	for ctx.Err() == nil {
		if handle(ctx, e) == nil {
			return true
		}
		select {
		case <-time.After(redeliverWait):
		case <-ctx.Done():
		}
	}
	return false
}

// start is the number of the first event of a subscription.
func (m *Memory) start(durable string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if durable == "" {
		return m.first + len(m.events)
	}
	return m.positions[durable]
}

func (m *Memory) keep(durable string, next int) {
	if durable == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.positions[durable] = next
}

// at returns the event of that number, or the first that is kept after it with
// its number, or the channel that closes when there is one.
func (m *Memory) at(number int) (Event, int, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	number = max(number, m.first)
	if number == m.first+len(m.events) {
		return Event{}, number, m.published
	}
	return m.events[number-m.first], number, nil
}
