package sqlstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kfmesh/kfmesh/internal/batch"
)

const (
	writtenTogether = 64               // transactions at most in one
	commitPatience  = 20 * time.Second // for a transaction that does not end with any one request
)

// errAlone says that a transaction has to be run on its own.
var errAlone = errors.New("not together with others")

// write is what one call wants written.
type write struct {
	fn      func(*Tx) error
	givenUp func() error // what the call's context says
}

// newWrites returns the queue of those who write to SQLite, which takes one
// writer at a time and makes each commit wait for the disk: those who come while
// another writes are committed together.
func newWrites(db *DB) *batch.Queue[write] {
	return batch.New(batch.Options[write]{Items: writtenTogether}, db.writeAll)
}

// writeTogether runs fn in a transaction with those of others, or tells it to
// run alone.
func (db *DB) writeTogether(ctx context.Context, fn func(*Tx) error) error {
	return db.writes.Do(ctx, write{fn: fn, givenUp: ctx.Err})
}

// writeAll runs functions in one transaction. When one of them fails nothing is
// written, and each is to run alone: so the failure is its own.
func (db *DB) writeAll(ctx context.Context, all []write) []error {
	alone := slices.Repeat([]error{errAlone}, len(all))
	ctx, cancel := context.WithTimeout(ctx, commitPatience)
	defer cancel()
	err := db.run(ctx, db.writer, nil, func(tx *Tx) error {
		for _, w := range all {
			tx.givenUp = w.givenUp
			if !succeeds(w.fn, tx) {
				return errAlone
			}
		}
		return nil
	})
	if err != nil {
		return alone
	}
	return nil
}

// succeeds reports whether a function did what it is for. One that panics does
// so again when it runs alone, in the call that is to blame.
func succeeds(fn func(*Tx) error, tx *Tx) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return fn(tx) == nil
}

// context is that of a statement, or says that its call was given up. In a
// transaction with others' a statement does not end with its call: the database
// would end the transaction of all.
func (t *Tx) context(ctx context.Context) (context.Context, error) {
	if t.givenUp == nil {
		return ctx, nil
	}
	return context.WithoutCancel(ctx), t.db.fail(t.givenUp())
}
