package archive

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// searched lists the records with a part in their names.
func searched(t *testing.T, a *Archive, part string) *metadatav1.ListRecordsResponse {
	t.Helper()
	page, err := a.List(t.Context(), &metadatav1.ListRecordsRequest{
		Kind: "k", PageSize: 5000, Filter: &metav1.Filter{Predicates: []*metav1.Predicate{{
			Operation: metav1.Predicate_IS_SUBSTRING, Key: "display_name", Value: &metav1.Predicate_StringValue{StringValue: part},
		}}},
	})
	if err != nil {
		t.Error(err)
	}
	return page
}

func putNamed(t *testing.T, a *Archive, uid, name string) {
	t.Helper()
	record := &metadatav1.Record{Kind: "k", Uid: uid, DisplayName: name, CreatedAt: &timestamppb.Timestamp{Seconds: 1}}
	if err := a.Put(t.Context(), record); err != nil {
		t.Error(err)
	}
}

// TestNamesThatAreTooFarBehindAreReadAnew forgets changes that a search has not
// seen.
func TestNamesThatAreTooFarBehindAreReadAnew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := New(db)
		putNamed(t, a, "1", "red")
		if n := searched(t, a, "re").GetTotalSize(); n != 1 {
			t.Fatalf("%d found, want 1", n)
		}
		putNamed(t, a, "2", "green")
		putNamed(t, a, "3", "blue")
		if db.Dialect() == sqlstore.SQLite {
			err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
				return execAll(t.Context(), tx, sqlstore.Q("DELETE FROM record_changes WHERE uid <> ?", "3"))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := searched(t, a, "re").GetTotalSize(); n != 2 {
			t.Errorf("%d found, want red and green", n)
		}
	})
}

func TestOldChangesAreForgotten(t *testing.T) {
	db := sqltest.SQLite(t)
	var oldest int64
	err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
		err := execAll(t.Context(), tx, sqlstore.Q("INSERT INTO record_changes (turn, kind, uid) VALUES (1, 'k', '1'), (2, 'k', '2'), (?, 'k', '3')", keptChanges))
		if err != nil {
			return err
		}
		if err := noteChange(t.Context(), tx, "k", "4"); err != nil {
			return err
		}
		_, err = tx.Row(t.Context(), sqlstore.Q("SELECT MIN(turn) FROM record_changes"), &oldest)
		return err
	})
	if err != nil || oldest != 2 {
		t.Errorf("changes are kept from %d on, %v; want the last %d, from 2 on", oldest, err, keptChanges)
	}
}

// TestASearchIsOfOneMoment searches while others write: every answer must be
// one that was true at some moment, its total that of its page.
func TestASearchIsOfOneMoment(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		a := New(db)
		var writers, searchers sync.WaitGroup
		done := make(chan struct{})
		for w := range 3 {
			writers.Go(func() {
				for i := range 25 {
					uid := fmt.Sprint(w, "-", i%7)
					putNamed(t, a, uid, []string{"red", "green", "blue"}[i%3])
					if i%5 == 0 {
						if err := a.Delete(t.Context(), "k", uid); err != nil {
							t.Error(err)
						}
					}
				}
			})
			searchers.Go(func() {
				for {
					page := searched(t, a, "re")
					if page.GetTotalSize() != int64(len(page.GetRecords())) {
						t.Errorf("the total is %d of %d records", page.GetTotalSize(), len(page.GetRecords()))
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		writers.Wait()
		close(done)
		searchers.Wait()
	})
}
