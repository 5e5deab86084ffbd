package remote

import (
	"context"
	"math/rand/v2"
	"time"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// The pause before a watch whose connection was lost is taken up again, which
// doubles up to the longest.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
)

// Watch implements store.Backend. It goes on where it was when the connection is
// lost, for as long as ctx lives.
func (b *Backend) Watch(ctx context.Context, prefix string, after int64) (<-chan []store.Change, error) {
	w := &watch{backend: b, prefix: prefix, after: after, out: make(chan []store.Change)}
	stream, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	go w.run(ctx, stream)
	return w.out, nil
}

// watch is a watch at work, in one goroutine.
type watch struct {
	backend *Backend
	prefix  string
	after   int64 // everything up to this revision was passed on
	out     chan []store.Change
}

// source is a stream of changes that was admitted.
type source struct {
	doorv1.StoreService_WatchClient
	end context.CancelFunc
}

// open begins a stream after what was passed on, and returns once it is admitted.
func (w *watch) open(ctx context.Context) (source, error) {
	ctx, end := context.WithCancel(ctx)
	stream, err := w.backend.client.Watch(ctx, &doorv1.WatchRequest{Prefix: w.prefix, After: w.after})
	if err != nil {
		end()
		return source{}, err
	}
	header, err := stream.Header()
	if err == nil && header == nil { // it ended without one
		_, err = stream.Recv()
	}
	if err != nil {
		end()
		return source{}, err
	}
	return source{StoreService_WatchClient: stream, end: end}, nil
}

// run passes changes on until ctx ends or the server refuses to go on.
func (w *watch) run(ctx context.Context, s source) {
	defer close(w.out)
	for {
		err := w.pass(ctx, s)
		s.end()
		if !fault.Is(err, fault.Unavailable) {
			return
		}
		if s, err = w.reopen(ctx); err != nil {
			return
		}
	}
}

// pass passes the changes of a stream on until it fails.
func (w *watch) pass(ctx context.Context, s source) error {
	for {
		batch, err := s.Recv()
		if err != nil {
			return err
		}
		changes := make([]store.Change, len(batch.GetChanges()))
		for i, c := range batch.GetChanges() {
			changes[i] = changeOf(c)
			w.after = max(w.after, changes[i].Revision)
		}
		select {
		case w.out <- changes:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reopen tries to open the stream again until that succeeds, is refused, or ctx ends.
func (w *watch) reopen(ctx context.Context) (source, error) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return source{}, ctx.Err()
		}
		s, err := w.open(ctx)
		if !fault.Is(err, fault.Unavailable) {
			return s, err
		}
	}
}
