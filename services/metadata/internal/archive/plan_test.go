package archive

import (
	"strings"
	"testing"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// TestPlans holds SQLite to the index that each of the usual lists is for: with
// another one, a page among 200,000 records takes 100 times as long.
func TestPlans(t *testing.T) {
	db := sqltest.SQLite(t)
	equals := func(keys ...string) *metav1.Filter {
		filter := new(metav1.Filter)
		for _, key := range keys {
			filter.Predicates = append(filter.Predicates, &metav1.Predicate{
				Operation: metav1.Predicate_EQUALS, Key: key, Value: &metav1.Predicate_StringValue{StringValue: "x"},
			})
		}
		return filter
	}
	tests := []struct {
		request *metadatav1.ListRecordsRequest
		index   string
	}{
		{&metadatav1.ListRecordsRequest{}, "records_created"},
		{&metadatav1.ListRecordsRequest{OrderBy: "finished_at"}, "records_finished"},
		{&metadatav1.ListRecordsRequest{OrderBy: "display_name"}, "records_display_name"},
		{&metadatav1.ListRecordsRequest{Filter: equals("namespace")}, "records_namespace"},
		{&metadatav1.ListRecordsRequest{Filter: equals("namespace", "storage_state")}, "records_namespace"},
		{&metadatav1.ListRecordsRequest{Filter: equals("parent")}, "records_parent"},
		{&metadatav1.ListRecordsRequest{Filter: equals("namespace", "parent", "storage_state")}, "records_parent"},
		{&metadatav1.ListRecordsRequest{Filter: equals("origin")}, "records_origin"},
		{&metadatav1.ListRecordsRequest{Filter: equals("state")}, "records_state"},
	}
	for _, test := range tests {
		for _, test.request.Descending = range []bool{false, true} {
			test.request.Kind = "k"
			test.request.After = nil
			if test.request.GetOrderBy() == "" && test.request.GetDescending() {
				test.request.After = &metadatav1.RecordPosition{Value: "2026-01-31T12:00:00Z", Uid: "u"}
			}
			plan := explain(t, db, test.request)
			if !strings.Contains(plan, test.index+" ") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%v is answered by %q, want %s and no sorting", test.request, plan, test.index)
			}
		}
	}
}

// TestFewAreLookedUpByUID holds SQLite to the primary key for records that are
// known by their uids: in the order of a list it would look at all.
func TestFewAreLookedUpByUID(t *testing.T) {
	db := sqltest.SQLite(t)
	for _, orderBy := range []string{"created_at", "display_name", "finished_at"} {
		p, err := New(db).page(&metadatav1.ListRecordsRequest{Kind: "k", OrderBy: orderBy, Descending: true})
		if err != nil {
			t.Fatal(err)
		}
		p.among([]string{"a", "b"})
		if plan := explainPage(t, db, p); !strings.Contains(plan, "(kind=? AND uid=?)") {
			t.Errorf("by %s it is answered by %q", orderBy, plan)
		}
	}
}

func explain(t *testing.T, db *sqlstore.DB, request *metadatav1.ListRecordsRequest) string {
	t.Helper()
	p, err := New(db).page(request)
	if err != nil {
		t.Fatal(err)
	}
	return explainPage(t, db, p)
}

func explainPage(t *testing.T, db *sqlstore.DB, p *page) (plan string) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
		return tx.Rows(t.Context(), sqlstore.Q("EXPLAIN QUERY PLAN").Append(p.query()), func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			if err := scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan += detail + "\n"
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
