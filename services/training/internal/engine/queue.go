package engine

import (
	"context"
	"sync"
	"time"
)

// queue hands out keys to work on: each to one worker at a time, and again when it
// was put while that was at work.
type queue struct {
	ready chan struct{} // holds a token while there may be something to do

	mu     sync.Mutex
	order  []string               // guarded by mu; keys that wait, the first first
	states map[string]bool        // guarded by mu; true for keys that wait, false for those at work
	timers map[string]*time.Timer // guarded by mu
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), states: map[string]bool{}, timers: map[string]*time.Timer{}}
}

// put adds a key, unless it waits already.
func (q *queue) put(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waits, known := q.states[key]
	if waits {
		return
	}
	q.states[key] = true
	if !known { // otherwise it is at work and comes up when that is done
		q.order = append(q.order, key)
		q.wake()
	}
}

// putAt adds a key at a time, in place of any earlier such wish.
func (q *queue) putAt(key string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if timer := q.timers[key]; timer != nil {
		timer.Stop()
	}
	q.timers[key] = time.AfterFunc(time.Until(at), func() {
		q.put(key)
	})
}

// forget drops the wish of a key for a time.
func (q *queue) forget(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if timer := q.timers[key]; timer != nil {
		timer.Stop()
		delete(q.timers, key)
	}
}

// take returns the next key; false when there is none.
func (q *queue) take() (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return "", false
	}
	key := q.order[0]
	q.order = q.order[1:]
	q.states[key] = false
	if len(q.order) > 0 {
		q.wake()
	}
	return key, true
}

// done ends the work on a key.
func (q *queue) done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.states[key] {
		q.order = append(q.order, key)
		q.wake()
		return
	}
	delete(q.states, key)
}

// wake tells one worker. The queue is locked.
func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// work has workers do what is put until ctx ends, and returns once all have ended.
func (q *queue) work(ctx context.Context, workers int, do func(ctx context.Context, key string)) {
	var group sync.WaitGroup
	defer group.Wait()
	defer q.stop()
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				key, ok := q.take()
				if ok {
					do(ctx, key)
					q.done(key)
					continue
				}
				select {
				case <-q.ready:
				case <-ctx.Done():
				}
			}
		})
	}
	<-ctx.Done()
}

// stop ends all wishes for a time.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, timer := range q.timers {
		timer.Stop()
		delete(q.timers, key)
	}
}
