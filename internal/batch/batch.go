// Package batch serves together what many callers ask for at once.
//
// Some work costs the same for one as for many: a commit to a disk, a write of
// one key that all have to make. A Queue lets one of the callers that wait do the
// work for all of them, while those who come meanwhile form the next batch. A
// lone caller is served at once: nobody waits in order to become many.
//
// A Queue has no goroutine of its own and is safe for concurrent use.
package batch

import (
	"context"
	"slices"
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Options bound a batch. A first item is served whatever its size.
type Options[T any] struct {
	Items int         // at most
	Size  func(T) int // of an item; nil when only their number counts
	Bytes int         // no further item is taken once the items have this size
}

// Queue is where callers wait.
type Queue[T any] struct {
	options Options[T]
	serve   func(context.Context, []T) []error
	turn    chan struct{} // holds a token while a caller serves

	mu      sync.Mutex
	waiting []*place[T] // guarded by mu
}

// place is that of a caller in the queue.
type place[T any] struct {
	item   T
	served chan error // takes the one answer
}

// New returns a queue whose batches serve is called with, one at a time. It
// answers each item: with the error at its index, or with nil where it returns
// none. Its context does not end with any caller's; serve sets its own limit.
func New[T any](options Options[T], serve func(context.Context, []T) []error) *Queue[T] {
	return &Queue[T]{options: options, serve: serve, turn: make(chan struct{}, 1)}
}

// Do has an item served and returns the answer. A caller whose ctx ends while it
// waits gets fault.Canceled; its item may be served all the same.
func (q *Queue[T]) Do(ctx context.Context, item T) error {
	p := &place[T]{item: item, served: make(chan error, 1)}
	q.enter(p)
	select {
	case err := <-p.served:
		return err
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		q.leave(p)
		return fault.New(fault.Canceled, "the request was given up").WithCause(ctx.Err())
	}
	for {
		select {
		case err := <-p.served:
			return err
		default:
			q.serveNext(context.WithoutCancel(ctx)) // the others have not given up
		}
	}
}

func (q *Queue[T]) enter(p *place[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, p)
}

// leave forgets a caller, unless it is being served.
func (q *Queue[T]) leave(p *place[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(other *place[T]) bool { return other == p })
}

// serveNext serves one batch. Should serve panic, the callers hear of it before
// the panic goes on.
func (q *Queue[T]) serveNext(ctx context.Context) {
	places := q.next()
	items := make([]T, len(places))
	answers := make([]error, len(places))
	for i, p := range places {
		items[i] = p.item
		answers[i] = fault.Internalf(nil, "internal error")
	}
	defer func() {
		for i, p := range places {
			p.served <- answers[i]
		}
	}()
	if served := q.serve(ctx, items); served != nil {
		copy(answers, served)
	} else {
		clear(answers)
	}
}

// next takes the callers of the next batch, first come, first served.
func (q *Queue[T]) next() []*place[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < min(len(q.waiting), q.options.Items) {
		if q.options.Size != nil {
			if n > 0 && size >= q.options.Bytes {
				break
			}
			size += q.options.Size(q.waiting[n].item)
		}
		n++
	}
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return taken
}
