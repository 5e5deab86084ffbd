package archive

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kfmesh/kfmesh/services/metadata/internal/names"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// keptChanges is how many changes of records are remembered. Names that are
// further behind are read anew.
const keptChanges = 10_000

// errOvertaken says that the names held are those of another moment than the
// snapshot of a list: it is to be begun again.
var errOvertaken = errors.New("the names are not those of the snapshot")

// directory holds the names of records in memory, of each kind that was ever
// searched for a part of one. No index of the database answers such a search in
// all its forms (one letter, a part that most names have, how many there are),
// and a look at every row takes long.
//
// It takes part in no write. A search brings it to the moment of its snapshot
// with record_changes, whose turns SQLite's one writer hands out in the order of
// the commits; on PostgreSQL, where they would come out of order, there is none.
type directory struct {
	mu    sync.Mutex
	kinds map[string]*named // guarded by mu
}

// named are the names of a kind.
type named struct {
	mu    sync.Mutex // also while the names are read, so that only one of those who want them does
	table *names.Table
	turn  int64 // the last change in them
}

// noteChange notes that a record changes in this transaction, where names are
// held.
func noteChange(ctx context.Context, tx *sqlstore.Tx, kind, uid string) error {
	if tx.Dialect() != sqlstore.SQLite {
		return nil
	}
	var turn int64
	if _, err := tx.Row(ctx, sqlstore.Q("INSERT INTO record_changes (kind, uid) VALUES").List(kind, uid).Add("RETURNING turn"), &turn); err != nil {
		return err
	}
	return execAll(ctx, tx, sqlstore.Q("DELETE FROM record_changes WHERE turn = ?", turn-keptChanges))
}

// use runs fn with the names of a kind as a snapshot has them, or returns
// errOvertaken when those held, if any, cannot be brought there.
func (d *directory) use(ctx context.Context, tx *sqlstore.Tx, kind string, fn func(*names.Table)) error {
	held := d.of(kind)
	held.mu.Lock()
	defer held.mu.Unlock()
	var first, last int64 // that are remembered
	_, err := tx.Row(ctx, sqlstore.Q("SELECT COALESCE(MIN(turn), 0), COALESCE(MAX(turn), 0) FROM record_changes"), &first, &last)
	if err != nil {
		return err
	}
	switch {
	case held.table == nil || held.turn > last:
		return errOvertaken
	case first > held.turn+1:
		held.table = nil // to be read anew
		return errOvertaken
	case held.turn < last:
		if err := held.catchUp(ctx, tx, kind); err != nil {
			held.table = nil // it may have taken in a part of the changes
			return err
		}
	}
	held.turn = last
	fn(held.table)
	return nil
}

// loadWithin is how long the names may take to be read.
const loadWithin = time.Minute

// prepare reads the names of a kind unless they are held. It must not be called
// in a transaction: those who wait would hold all connections. What it has begun
// it ends, although the search may be given up: the next finds the names.
func (d *directory) prepare(ctx context.Context, db *sqlstore.DB, kind string) error {
	held := d.of(kind)
	held.mu.Lock()
	defer held.mu.Unlock()
	if held.table != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadWithin)
	defer cancel()
	return db.Read(ctx, func(tx *sqlstore.Tx) error {
		if _, err := tx.Row(ctx, sqlstore.Q("SELECT COALESCE(MAX(turn), 0) FROM record_changes"), &held.turn); err != nil {
			return err
		}
		table, err := load(ctx, tx, kind)
		held.table = table
		return err
	})
}

func (d *directory) of(kind string) *named {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds[kind] == nil {
		d.kinds[kind] = new(named)
	}
	return d.kinds[kind]
}

// itemColumns are what a search knows of a record.
const itemColumns = "r.display_name, r.created_at, r.namespace, r.parent, r.origin, r.state, r.storage_state"

// into is where to scan itemColumns.
func into(item *names.Item) []any {
	f := &item.Facts
	return []any{&item.Name, &item.CreatedAt, &f.Namespace, &f.Parent, &f.Origin, &f.State, &f.StorageState}
}

// load reads all names of a kind.
func load(ctx context.Context, tx *sqlstore.Tx, kind string) (*names.Table, error) {
	table := new(names.Table)
	q := sqlstore.Q("SELECT r.uid, "+itemColumns+" FROM records r WHERE r.kind = ?", kind)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		var item names.Item
		if err := scan(append([]any{&item.UID}, into(&item)...)...); err != nil {
			return err
		}
		table.Put(item)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return table, nil
}

// catchUp takes in the changes since the last.
func (n *named) catchUp(ctx context.Context, tx *sqlstore.Tx, kind string) error {
	var changed []string
	q := sqlstore.Q("SELECT DISTINCT uid FROM record_changes WHERE turn > ? AND kind = ?", n.turn, kind)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		var uid string
		err := scan(&uid)
		changed = append(changed, uid)
		return err
	})
	if err != nil {
		return err
	}
	for _, uid := range changed {
		item := names.Item{UID: uid}
		q := sqlstore.Q("SELECT "+itemColumns+" FROM records r WHERE r.kind = ? AND r.uid = ?", kind, uid)
		found, err := tx.Row(ctx, q, into(&item)...)
		switch {
		case err != nil:
			return err
		case found:
			n.table.Put(item)
		default:
			n.table.Remove(uid)
		}
	}
	return nil
}
