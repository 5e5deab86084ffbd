package graph

import (
	"slices"
	"strings"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// event is an artifact by its URI, under the one key there is.
func event(uri, context string) []*metadatav1.ArtifactEvent {
	return []*metadatav1.ArtifactEvent{{Key: "x", Artifact: &metadatav1.Artifact{Uid: uri, Uri: uri, Context: context}}}
}

// populate stores what run "a" made in /r/p/a and what others made of it.
func populate(t *testing.T, g *Graph, long string) {
	t.Helper()
	for _, put := range []*metadatav1.PutExecutionRequest{
		{Execution: &metadatav1.Execution{Uid: "a/make", Context: "a"}, Outputs: event("/r/p/a/make/model", "a")},
		{Execution: &metadatav1.Execution{Uid: "a/use", Context: "a"}, Inputs: event("/r/p/a/make/model", "a")},
		{Execution: &metadatav1.Execution{Uid: "b/make", Context: "b", State: metadatav1.Execution_STATE_CACHED}, Outputs: event("/r/p/a/make/model", "a")},
		{Execution: &metadatav1.Execution{Uid: "b/use", Context: "b"}, Inputs: event("/r/p/a/make/model", "a")},
		{Execution: &metadatav1.Execution{Uid: "c/import", Context: "c"}, Outputs: event("/r/p/a/make/part", "c")},
		{Execution: &metadatav1.Execution{Uid: "d/make", Context: "d"}, Outputs: event("/r/p/ab/model", "d")},
		{Execution: &metadatav1.Execution{Uid: "e/make", Context: "e"}, Outputs: event(long+"/model", "e")},
	} {
		if _, err := g.Put(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUses: who reuses, reads or imports what a run made is told, once each.
func TestUses(t *testing.T) {
	long := "/r/" + strings.Repeat("lång/", 100) + "x"
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		g := New(db)
		populate(t, g, long)
		for name, tt := range map[string]struct {
			request *metadatav1.ListUsesRequest
			want    []string
		}{
			"by others":       {&metadatav1.ListUsesRequest{Place: "/r/p/a", ExceptContext: "a"}, []string{"/r/p/a/make/model b", "/r/p/a/make/part c"}},
			"with a slash":    {&metadatav1.ListUsesRequest{Place: "/r/p/ab/"}, []string{"/r/p/ab/model d"}},
			"by anybody":      {&metadatav1.ListUsesRequest{Place: "/r/p/a", PageSize: 2}, []string{"/r/p/a/make/model a", "/r/p/a/make/model b"}},
			"after that":      {&metadatav1.ListUsesRequest{Place: "/r/p/a", After: &metadatav1.ArtifactUse{Uri: "/r/p/a/make/model", Context: "b"}}, []string{"/r/p/a/make/part c"}},
			"nothing there":   {&metadatav1.ListUsesRequest{Place: "/r/p/none"}, nil},
			"a long place":    {&metadatav1.ListUsesRequest{Place: long}, []string{long + "/model e"}},
			"another of them": {&metadatav1.ListUsesRequest{Place: long + "y"}, nil},
		} {
			response, err := g.Uses(t.Context(), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, use := range response.GetUses() {
				got = append(got, use.GetUri()+" "+use.GetContext())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: uses %q, want %q", name, got, tt.want)
			}
		}
	})
}

// TestUsesPlan holds SQLite to the index that the question is for.
func TestUsesPlan(t *testing.T) {
	db := sqltest.SQLite(t)
	var plan string
	err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
		q := sqlstore.Q("EXPLAIN QUERY PLAN").Append(usesQuery(&metadatav1.ListUsesRequest{Place: "/r/p/a"}))
		return tx.Rows(t.Context(), q, func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			plan += detail + "\n"
			return err
		})
	})
	if err != nil || !strings.Contains(plan, "artifacts_place") {
		t.Errorf("uses are found by %q, %v", plan, err)
	}
}
