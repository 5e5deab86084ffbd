package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// attempts is how often a transaction is tried that keeps losing races.
const attempts = 8

// Tx is one transaction.
type Tx struct {
	db      *DB
	tx      *sql.Tx
	givenUp func() error // whether the call was, when the transaction is not its alone; nil when it is
}

// Read runs fn in a transaction that sees one snapshot and can change nothing.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	if db.dialect == SQLite { // a read transaction is a snapshot already, and the driver knows no levels
		options.Isolation = sql.LevelDefault
	}
	return db.run(ctx, db.reader, options, fn)
}

// Write runs fn in a transaction and commits it when fn returns nil. fn runs
// again when the database gave up on it because of another transaction, so it
// must not have effects outside of it; and it may run in the goroutine of
// another Write, before this one returns.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	if db.dialect == SQLite {
		if err := db.writeTogether(ctx, fn); !errors.Is(err, errAlone) {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		err := db.run(ctx, db.writer, nil, fn)
		if err == nil || attempt == attempts || !fault.Is(err, fault.Conflict) {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// pause waits a random while that grows with the attempt, so that two
// transactions that met do not meet again.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(rand.N(time.Millisecond << attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Canceled, "the request ended before its transaction could be repeated").WithCause(ctx.Err())
	}
}

func (db *DB) run(ctx context.Context, pool *sql.DB, options *sql.TxOptions, fn func(*Tx) error) error {
	if err := db.door.enter(); err != nil {
		return err
	}
	defer db.door.leave()
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return db.fail(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after a commit
	if err = fn(&Tx{db: db, tx: tx}); err == nil {
		err = db.fail(tx.Commit())
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return db.fail(ctx.Err()) // database/sql rolls a transaction back when its context ends
	}
	return err
}

// Dialect is how the database spells SQL.
func (t *Tx) Dialect() Dialect { return t.db.dialect }

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(ctx context.Context, q *Query) (int64, error) {
	return t.exec(ctx, q.text.String(), q.args)
}

func (t *Tx) exec(ctx context.Context, text string, args []any) (int64, error) {
	if err := check(args); err != nil {
		return 0, err
	}
	ctx, err := t.context(ctx)
	if err != nil {
		return 0, err
	}
	result, err := t.tx.ExecContext(ctx, t.db.dialect.bind(text), args...)
	if err != nil {
		return 0, t.db.fail(err)
	}
	n, err := result.RowsAffected()
	return n, t.db.fail(err)
}

// Rows runs a query and hands every row to each, which scans it.
func (t *Tx) Rows(ctx context.Context, q *Query, each func(scan func(...any) error) error) error {
	if err := check(q.args); err != nil {
		return err
	}
	ctx, err := t.context(ctx)
	if err != nil {
		return err
	}
	rows, err := t.tx.QueryContext(ctx, t.db.dialect.bind(q.text.String()), q.args...)
	if err != nil {
		return t.db.fail(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return t.db.fail(err)
		}
	}
	return t.db.fail(rows.Err())
}

// Row scans the one row of a query and reports whether there was one.
func (t *Tx) Row(ctx context.Context, q *Query, into ...any) (bool, error) {
	found := false
	err := t.Rows(ctx, q, func(scan func(...any) error) error {
		found = true
		return scan(into...)
	})
	return found, err
}
