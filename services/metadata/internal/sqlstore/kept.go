package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"modernc.org/sqlite"
)

// Preparing a statement costs SQLite several times what a small statement does.
// So a connection keeps those that it prepared, for the next time the same text
// comes. PostgreSQL's driver does so by itself.
const (
	keptStatements = 64   // a connection
	longestKept    = 4096 // bytes of text; long texts are of many rows and seldom come again
)

// keepers makes connections to a SQLite file that keep their statements.
type keepers struct {
	driver sqlite.Driver
	dsn    string
}

// Connect implements driver.Connector.
func (k *keepers) Connect(context.Context) (driver.Conn, error) {
	conn, err := k.driver.Open(k.dsn)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(connection)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("sqlstore: the SQLite driver's connection %T lacks what keeping statements needs", conn)
	}
	return &keeper{connection: whole}, nil
}

// Driver implements driver.Connector.
func (k *keepers) Driver() driver.Driver { return &k.driver }

// connection is what the driver's connections do.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what the driver's statements do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keeper is a connection that keeps its statements. Like any connection it is
// used by one goroutine at a time.
type keeper struct {
	connection
	kept []kept // those not in use, the most recently used last
}

// kept is a prepared statement.
type kept struct {
	text string
	statement
}

// Close implements driver.Conn.
func (k *keeper) Close() error {
	for _, s := range k.kept {
		_ = s.Close() // the connection goes anyway
	}
	k.kept = nil
	return k.connection.Close()
}

// ExecContext implements driver.ExecerContext.
func (k *keeper) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if !worthKeeping(text, args) {
		return k.connection.ExecContext(ctx, text, args)
	}
	s, err := k.take(ctx, text)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	k.put(s, err)
	return result, err
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if !worthKeeping(text, args) {
		return k.connection.QueryContext(ctx, text, args)
	}
	s, err := k.take(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		k.put(s, err)
		return nil, err
	}
	return &keptRows{Rows: rows, done: func(err error) { k.put(s, err) }}, nil
}

// worthKeeping reports whether a statement may come again. One without values is
// a migration or a setting.
func worthKeeping(text string, args []driver.NamedValue) bool {
	return len(args) > 0 && len(text) <= longestKept
}

// take returns the statement with a text, which nobody else has until it is put
// back.
func (k *keeper) take(ctx context.Context, text string) (kept, error) {
	for i, s := range slices.Backward(k.kept) {
		if s.text == text {
			k.kept = slices.Delete(k.kept, i, i+1)
			return s, nil
		}
	}
	prepared, err := k.PrepareContext(ctx, text)
	if err != nil {
		return kept{}, err
	}
	whole, ok := prepared.(statement)
	if !ok {
		_ = prepared.Close()
		return kept{}, fmt.Errorf("sqlstore: the SQLite driver's statement %T lacks what keeping it needs", prepared)
	}
	return kept{text, whole}, nil
}

// put takes a statement back after use, unless it failed.
func (k *keeper) put(s kept, err error) {
	if err != nil {
		_ = s.Close() // what went wrong with it was told
		return
	}
	if len(k.kept) == keptStatements {
		_ = k.kept[0].Close()
		k.kept = slices.Delete(k.kept, 0, 1)
	}
	k.kept = append(k.kept, s)
}

// keptRows is the rows of a statement that goes back when they are closed.
type keptRows struct {
	driver.Rows
	done func(error)
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done(err)
		r.done = nil
	}
	return err
}
