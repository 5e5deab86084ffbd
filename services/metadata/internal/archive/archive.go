// Package archive keeps records of finished resources in SQL.
//
// A record is spread over three tables: records has the fields that lists
// filter and sort by, record_summaries what a list shows, record_details what
// only a get shows. Rows of the first stay small, so sorting hundreds of
// thousands of them reads little, and a list never reads a detail. A fourth,
// record_counts, holds how many records share each combination of the fields
// that lists are mostly filtered by; it changes in the same transaction as the
// records, so a list has its exact total without visiting every item. On SQLite
// a fifth, record_changes, says what the names held in memory lack, from which
// searches for a part of a name are answered.
//
// Put replaces the whole record in one transaction, so a repeated Put changes
// nothing and a reader sees the old record or the new one. Lists run in one
// snapshot: the page and the total belong together. Transactions take the rows
// of records first and those of record_counts last and sorted, so that writers
// queue and do not deadlock.
//
// The order of a list is one that a caller can reproduce in order to merge the
// list with items of its own: text compares byte by byte, times by nanosecond,
// a missing time as 1970-01-01T00:00:00Z, and ties by uid in the direction of
// the list.
package archive

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Archive is the archive in one database. It is safe for concurrent use.
type Archive struct {
	db     *sqlstore.DB
	totals *totals
	names  *directory // nil on PostgreSQL
}

// New returns the archive in db. Nobody else may change the records of a SQLite
// database meanwhile.
func New(db *sqlstore.DB) *Archive {
	a := &Archive{db: db, totals: newTotals(db.Dialect() == sqlstore.SQLite)}
	if db.Dialect() == sqlstore.SQLite {
		a.names = &directory{kinds: map[string]*named{}}
	}
	return a
}

// change runs a transaction that changes records.
func (a *Archive) change(ctx context.Context, fn func(*sqlstore.Tx) error) error {
	a.totals.changed()
	defer a.totals.changed()
	return a.db.Write(ctx, fn)
}

// Put stores a record in place of the one with its kind and uid.
func (a *Archive) Put(ctx context.Context, record *metadatav1.Record) error {
	return a.change(ctx, func(tx *sqlstore.Tx) error { return put(ctx, tx, record) })
}

func put(ctx context.Context, tx *sqlstore.Tx, record *metadatav1.Record) error {
	old, err := replace(ctx, tx, record)
	if err != nil {
		return err
	}
	kind, uid := record.GetKind(), record.GetUid()
	if err := noteChange(ctx, tx, kind, uid); err != nil {
		return err
	}
	err = execAll(ctx, tx,
		sqlstore.Q("INSERT INTO record_summaries (kind, uid, summary) VALUES").List(kind, uid, record.GetSummary()),
		sqlstore.Q("INSERT INTO record_details (kind, uid, detail) VALUES").List(kind, uid, record.GetDetail()))
	if err != nil {
		return err
	}
	return recount(ctx, tx, old, groupOf(record))
}

// replace inserts the row of a record once its predecessor is gone, and returns
// the group that one was in, or nil. On PostgreSQL another transaction may
// insert the same record in between; its row is then the predecessor. Whoever
// deleted a row holds its place until the end of the transaction, so this ends.
func replace(ctx context.Context, tx *sqlstore.Tx, record *metadatav1.Record) (*group, error) {
	insert := sqlstore.Q("INSERT INTO records (" + columns + ") VALUES").List(values(record)...).
		Add("ON CONFLICT (kind, uid) DO NOTHING")
	for {
		old, err := remove(ctx, tx, record.GetKind(), record.GetUid())
		if err != nil {
			return nil, err
		}
		inserted, err := tx.Exec(ctx, insert)
		if err != nil || inserted == 1 {
			return old, err
		}
	}
}

// remove deletes a record, but does not count it out, and returns the group
// that it was in, or nil when there was no such record.
func remove(ctx context.Context, tx *sqlstore.Tx, kind, uid string) (*group, error) {
	old := &group{kind: kind}
	found, err := tx.Row(ctx, sqlstore.Q("DELETE FROM records WHERE kind = ? AND uid = ? RETURNING "+groupColumns, kind, uid), old.into()...)
	if err != nil || !found {
		return nil, err
	}
	return old, execAll(ctx, tx,
		sqlstore.Q("DELETE FROM record_summaries WHERE kind = ? AND uid = ?", kind, uid),
		sqlstore.Q("DELETE FROM record_details WHERE kind = ? AND uid = ?", kind, uid))
}

// Get returns a record with its summary and detail, or a NotFound fault.
func (a *Archive) Get(ctx context.Context, kind, uid string) (*metadatav1.Record, error) {
	var record *metadatav1.Record
	err := a.db.Read(ctx, func(tx *sqlstore.Tx) error {
		row := new(row)
		found, err := tx.Row(ctx, sqlstore.Q("SELECT "+columns+" FROM records WHERE kind = ? AND uid = ?", kind, uid), row.into()...)
		if err != nil {
			return err
		}
		if !found {
			return missing(kind, uid)
		}
		record = row.record()
		return payloads(ctx, tx, record)
	})
	return record, err
}

// payloads fills in the summary and the detail.
func payloads(ctx context.Context, tx *sqlstore.Tx, record *metadatav1.Record) error {
	_, err := tx.Row(ctx, sqlstore.Q("SELECT summary, detail FROM record_summaries s JOIN record_details d"+
		" ON d.kind = s.kind AND d.uid = s.uid WHERE s.kind = ? AND s.uid = ?", record.GetKind(), record.GetUid()),
		&record.Summary, &record.Detail)
	return err
}

// Delete forgets a record, or returns a NotFound fault.
func (a *Archive) Delete(ctx context.Context, kind, uid string) error {
	return a.change(ctx, func(tx *sqlstore.Tx) error {
		old, err := remove(ctx, tx, kind, uid)
		if err != nil {
			return err
		}
		if old == nil {
			return missing(kind, uid)
		}
		if err := noteChange(ctx, tx, kind, uid); err != nil {
			return err
		}
		return recount(ctx, tx, old, nil)
	})
}

func missing(kind, uid string) error {
	return fault.NotFoundf("the archive holds no %s with uid %q", kind, uid).WithReason("RECORD_NOT_FOUND")
}

func execAll(ctx context.Context, tx *sqlstore.Tx, statements ...*sqlstore.Query) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
