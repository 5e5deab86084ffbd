package mlflow

import (
	"context"
	"runtime"
	"time"
)

// room is for the requests that hold much memory: pages of runs and points, and
// large bodies. A machine with few processors finishes none of them earlier by
// beginning more. Nobody waits long inside for a client, so a slow one keeps nobody out.
type room chan struct{}

func newRoom() room { return make(room, max(2, runtime.GOMAXPROCS(0))) }

// enter waits for a place, unless the request is given up first.
func (m room) enter(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m room) leave() { <-m }

// patience is how long a place is kept for a client that does not read. To give it
// up at once would let all come in by turns, and each hold what it has so far.
const patience = 200 * time.Millisecond

// outside does what takes as long as a client likes, and reports whether the place
// was given up meanwhile.
func (m room) outside(patience time.Duration, work func()) (slow bool) {
	left := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		m.leave()
		close(left)
	})
	work()
	if timer.Stop() {
		return false
	}
	<-left
	m <- struct{}{}
	return true
}
