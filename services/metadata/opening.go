package metadata

import (
	"context"
	"sync/atomic"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// opening is a database that is not there yet. Handlers are registered before
// the database is open; their calls wait here.
type opening struct {
	done chan struct{} // closed once db or err is set
	db   *sqlstore.DB  // written before done is closed
	err  error         // likewise
	last atomic.Value  // string: why it is not open yet
}

func newOpening() *opening {
	o := &opening{done: make(chan struct{})}
	o.last.Store("it is being opened")
	return o
}

// finish ends the wait. It is called once.
func (o *opening) finish(db *sqlstore.DB, err error) {
	o.db, o.err = db, err
	close(o.done)
}

// delay notes why it takes longer.
func (o *opening) delay(err error) { o.last.Store(err.Error()) }

// wait returns the database once it is open.
func (o *opening) wait(ctx context.Context) (*sqlstore.DB, error) {
	select {
	case <-o.done:
		return o.db, o.err
	case <-ctx.Done():
		return nil, o.pending()
	}
}

// now returns the database if it is open.
func (o *opening) now() (*sqlstore.DB, error) {
	select {
	case <-o.done:
		return o.db, o.err
	default:
		return nil, o.pending()
	}
}

func (o *opening) pending() error {
	return fault.Unavailablef("the metadata database is not open yet: %s", o.last.Load()).WithReason("DATABASE_OPENING")
}
