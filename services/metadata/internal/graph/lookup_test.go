package graph

import (
	"fmt"
	"strings"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// equals is a filter for one value.
func equals(key, value string) string {
	return fmt.Sprintf(`{"predicates":[{"operation":"EQUALS","key":%q,"string_value":%q}]}`, key, value)
}

// TestLookups: what has a name or a URI is found by all of it, however long it is
// and whatever else begins the same.
func TestLookups(t *testing.T) {
	long := strings.Repeat("é", listing.IndexedRunes)
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := New(db)
		for _, name := range []string{"short", long, long + "1", long + strings.Repeat("2", 5000)} {
			_, err := g.Put(t.Context(), &metadatav1.PutExecutionRequest{
				Execution: &metadatav1.Execution{Uid: "x" + name, Name: name},
				Outputs: []*metadatav1.ArtifactEvent{
					{Key: "o", Artifact: &metadatav1.Artifact{Uid: name, Name: name, Uri: "s3://" + name}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for value, want := range map[string]int64{"short": 1, "shor": 0, long: 1, long + "1": 1, long + "2": 0, long + strings.Repeat("2", 5000): 1} {
			for _, filter := range []string{equals("name", value), equals("uri", "s3://"+value)} {
				found, err := g.ListArtifacts(t.Context(), &metadatav1.ListArtifactsRequest{Filter: filter})
				if err != nil || found.GetTotalSize() != want || len(found.GetArtifacts()) != int(want) {
					t.Errorf("%.60s: %d artifacts, %v, want %d", filter, found.GetTotalSize(), err, want)
				}
			}
			found, err := g.ListExecutions(t.Context(), &metadatav1.ListExecutionsRequest{Filter: equals("name", value)})
			if err != nil || found.GetTotalSize() != want {
				t.Errorf("%.60s: %d executions, %v, want %d", value, found.GetTotalSize(), err, want)
			}
		}
	})
}

// TestLookupPlans holds both engines to the indexes that lookups are for.
func TestLookupPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		fill(t, db)
		for _, test := range []struct {
			table  listing.Table
			from   string
			filter string
			index  string
		}{
			{artifactTable, "artifacts", equals("name", "7"), "artifacts_name"},
			{artifactTable, "artifacts", equals("uri", "7"), "artifacts_place"},
			{executionTable, "executions", equals("name", "7"), "executions_name"},
			{artifactTable, "artifacts", `{"predicates":[{"operation":"EQUALS","key":"namespace","string_value":""},` +
				`{"operation":"EQUALS","key":"name","string_value":"7"}]}`, "artifacts_name"},
		} {
			filter, err := listing.ParseFilter(test.filter)
			if err != nil {
				t.Fatal(err)
			}
			where, err := test.table.Where(db.Dialect(), filter)
			if err != nil {
				t.Fatal(err)
			}
			order, err := test.table.ParseOrder("create_time desc")
			if err != nil {
				t.Fatal(err)
			}
			page := lister[*metadatav1.Artifact]{from: test.from}
			for what, q := range map[string]*sqlstore.Query{
				"a page": page.query("uid", where).Add(order.By()).Add("LIMIT ?", 20), "the total": page.query("COUNT(*)", where),
			} {
				if plan := explain(t, db, q); !strings.Contains(plan, test.index) {
					t.Errorf("%s of %s by %s is found by %q, want %s", what, test.from, test.filter, plan, test.index)
				}
			}
		}
	})
}

// fill stores so many artifacts and executions that an index is worth its while.
func fill(t *testing.T, db *sqlstore.DB) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
		artifacts := tx.Insert("artifacts", []string{"uid", "namespace", "name", "type", "uri", "digest", "context", "created_at"}, "")
		executions := tx.Insert("executions", []string{
			"uid", "namespace", "name", "type", "state", "context", "started_at", "finished_at", "created_at",
		}, "")
		for i := range 5000 {
			uid, name := fmt.Sprint(i), fmt.Sprint(i%500)
			if err := artifacts.Row(t.Context(), uid, "", name, "", name, "", "", i); err != nil {
				return err
			}
			if err := executions.Row(t.Context(), uid, "", name, "", "", "", 0, 0, i); err != nil {
				return err
			}
		}
		if _, err := artifacts.Flush(t.Context()); err != nil {
			return err
		}
		_, err := executions.Flush(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if db.Dialect() != sqlstore.Postgres {
		return // kfmesh has SQLite gather no statistics
	}
	err = db.Write(t.Context(), func(tx *sqlstore.Tx) error {
		_, err := tx.Exec(t.Context(), sqlstore.Q("ANALYZE"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// explain is how an engine answers a query.
func explain(t *testing.T, db *sqlstore.DB, q *sqlstore.Query) (plan string) {
	t.Helper()
	word := "EXPLAIN"
	if db.Dialect() == sqlstore.SQLite {
		word = "EXPLAIN QUERY PLAN"
	}
	err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
		return tx.Rows(t.Context(), sqlstore.Q(word).Append(q), func(scan func(...any) error) error {
			var detail string
			into := []any{&detail}
			if db.Dialect() == sqlstore.SQLite {
				var id, parent, unused int
				into = []any{&id, &parent, &unused, &detail}
			}
			err := scan(into...)
			plan += detail + "\n"
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
