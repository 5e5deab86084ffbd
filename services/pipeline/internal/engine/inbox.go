package engine

import "sync"

// inbox is an unbounded queue with one reader. Its length is bounded by what
// its writers have in flight.
type inbox[T any] struct {
	mu    sync.Mutex
	items []T           // guarded by mu
	ready chan struct{} // holds a token while items may be there
}

func newInbox[T any]() *inbox[T] { return &inbox[T]{ready: make(chan struct{}, 1)} }

// put adds an item. It never blocks.
func (b *inbox[T]) put(item T) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take removes and returns everything there is.
func (b *inbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}
