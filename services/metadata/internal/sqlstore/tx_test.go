package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

func TestWriteIsAllOrNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		broken := errors.New("broken")
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
			if err := insert(t, tx, "half"); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("Write = %v, want the error of its function", err)
		}
		if n := countRecords(t, db); n != 0 {
			t.Errorf("%d records, want none", n)
		}
	})
}

func TestReadChangesNothingAndSeesOneSnapshot(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
			before := count(t, tx)
			insertRecord(t, db, "meanwhile")
			if after := count(t, tx); after != before {
				t.Errorf("the snapshot changed from %d to %d records", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Read(t.Context(), func(tx *sqlstore.Tx) error { return insert(t, tx, "forbidden") })
		if err == nil {
			t.Error("a read transaction could write")
		}
	})
}

func TestWriteRunsAgainAfterLosing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		tries := 0
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
			if tries++; tries < 3 {
				return fault.Conflictf("lost")
			}
			return insert(t, tx, "won")
		})
		if err != nil || tries != 3 || countRecords(t, db) != 1 {
			t.Errorf("err %v, %d tries, %d records; want nil, 3, 1", err, tries, countRecords(t, db))
		}
	})
}

func TestManyWriters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		const writers, each = 8, 20
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for i := range each {
					insertRecord(t, db, fmt.Sprintf("%d-%d", w, i))
				}
			})
		}
		group.Wait()
		if n := countRecords(t, db); n != writers*each {
			t.Errorf("%d records, want %d", n, writers*each)
		}
	})
}

// Writers that fail, or panic, stand in no other's way, whatever they are
// committed with.
func TestAFailureIsOneWritersOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		const writers = 30
		broken := errors.New("broken")
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				defer func() { _ = recover() }()
				err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
					if err := insert(t, tx, strconv.Itoa(w)); err != nil {
						return err
					}
					switch w % 3 {
					case 1:
						return broken
					case 2:
						panic(broken)
					}
					return nil
				})
				if (w%3 == 0) != (err == nil) || w%3 == 1 && !errors.Is(err, broken) {
					t.Errorf("writer %d: %v", w, err)
				}
			})
		}
		group.Wait()
		if n := countRecords(t, db); n != writers/3 {
			t.Errorf("%d records, want %d", n, writers/3)
		}
	})
}

func TestCanceledCallIsSaidToBe(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := db.Write(ctx, func(tx *sqlstore.Tx) error { return insert(t, tx, "never") })
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("Write = %v, want Canceled", err)
		}
	})
}

// A transaction whose caller goes away in its midst was given up too, whatever
// statement finds out.
func TestCallGivenUpInItsMidstIsSaidToBe(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *sqlstore.Tx) error {
			cancel()
			for i := 0; ; i++ { // until database/sql has rolled back
				if err := insert(t, tx, strconv.Itoa(i)); err != nil {
					return err
				}
			}
		})
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("Write = %v, want Canceled", err)
		}
	})
}

func TestNULIsRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.Write(t.Context(), func(tx *sqlstore.Tx) error { return insert(t, tx, "a\x00b") })
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("Write = %v, want Invalid", err)
		}
	})
}

// insertRecord stores a row in a transaction of its own.
func insertRecord(t *testing.T, db *sqlstore.DB, uid string) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx *sqlstore.Tx) error { return insert(t, tx, uid) }); err != nil {
		t.Errorf("insert %s: %v", uid, err)
	}
}

func insert(t *testing.T, tx *sqlstore.Tx, uid string) error {
	_, err := tx.Exec(t.Context(), sqlstore.Q("INSERT INTO record_summaries (kind, uid) VALUES").List("test", uid))
	return err
}

func countRecords(t *testing.T, db *sqlstore.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
		n = count(t, tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func count(t *testing.T, tx *sqlstore.Tx) (n int) {
	t.Helper()
	if _, err := tx.Row(t.Context(), sqlstore.Q("SELECT COUNT(*) FROM record_summaries"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
