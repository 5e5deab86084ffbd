package sqlstore_test

import (
	"fmt"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// Rows are all there, however many statements they take, and rows that are there
// already do not count.
func TestInsert(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		before := 0
		for _, n := range []int{0, 1, 49, 50, 51, 1234} {
			if added := int(insertMany(t, db, n)); added != n-before {
				t.Errorf("%d rows were added, want %d", added, n-before)
			}
			if got := countRecords(t, db); got != n {
				t.Errorf("%d rows, want %d", got, n)
			}
			before = n
		}
	})
}

// insertMany inserts the records 0 to n-1 that are not there yet.
func insertMany(t *testing.T, db *sqlstore.DB, n int) (added int64) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqlstore.Tx) (err error) {
		insert := tx.Insert("record_summaries", []string{"kind", "uid"}, "ON CONFLICT DO NOTHING")
		for i := range n {
			if err := insert.Row(t.Context(), "test", fmt.Sprint(i)); err != nil {
				return err
			}
		}
		added, err = insert.Flush(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestInsertRefusesNUL(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
			insert := tx.Insert("record_summaries", []string{"kind", "uid"}, "")
			if err := insert.Row(t.Context(), "test", "a\x00"); err != nil {
				return err
			}
			_, err := insert.Flush(t.Context())
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("Write = %v, want Invalid", err)
		}
	})
}

// A statement whose rows are being read can be run again, and others as well,
// more than a connection keeps; one that failed is none the worse for it.
func TestStatementsAreUsedAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		insertMany(t, db, 3)
		const text = "SELECT uid FROM record_summaries WHERE kind = ? ORDER BY uid"
		var read []string
		err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
			if tx.Dialect() == sqlstore.Postgres { // its connections carry one statement at a time
				return nil
			}
			return tx.Rows(t.Context(), sqlstore.Q(text, "test"), func(scan func(...any) error) error {
				var outer string
				if err := scan(&outer); err != nil {
					return err
				}
				return tx.Rows(t.Context(), sqlstore.Q(text, "test"), func(scan func(...any) error) error {
					var inner string
					err := scan(&inner)
					read = append(read, outer+inner)
					return err
				})
			})
		})
		if want := "[00 01 02 10 11 12 20 21 22]"; err != nil || db.Dialect() == sqlstore.SQLite && fmt.Sprint(read) != want {
			t.Errorf("read %v, %v; want %s", read, err, want)
		}
		for round := range 3 {
			for i := range 100 {
				var n int
				err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
					_, err := tx.Row(t.Context(), sqlstore.Q(fmt.Sprintf("SELECT COUNT(*) + %d FROM record_summaries WHERE kind = ?", i), "test"), &n)
					return err
				})
				if err != nil || n != 3+i {
					t.Fatalf("round %d: %d, %v; want %d", round, n, err, 3+i)
				}
			}
		}
		for range 2 {
			err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
				_, err := tx.Exec(t.Context(), sqlstore.Q("INSERT INTO record_summaries (kind, uid) VALUES (?, ?)", "test", "1"))
				return err
			})
			if err == nil {
				t.Error("a row was inserted twice")
			}
		}
	})
}

// A connection that is lost makes a call fail as a whole, and the next finds
// another.
func TestALostConnectionIsUnavailable(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		if db.Dialect() == sqlstore.SQLite {
			t.Skip("a file has no connection to lose")
		}
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
			if err := insert(t, tx, "half"); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), sqlstore.Q("SELECT pg_terminate_backend(pg_backend_pid())")); err != nil {
				return err
			}
			return insert(t, tx, "whole")
		})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("Write = %v, want Unavailable", err)
		}
		if n := countRecords(t, db); n != 0 {
			t.Errorf("%d records, want none", n)
		}
		insertRecord(t, db, "after")
	})
}
