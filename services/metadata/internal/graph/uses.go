package graph

import (
	"context"
	"strings"
	"unicode/utf8"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const defaultUses = 1000

// Uses returns who used artifacts whose URIs lie below a place: each URI with
// each context but one, in order.
func (g *Graph) Uses(ctx context.Context, request *metadatav1.ListUsesRequest) (*metadatav1.ListUsesResponse, error) {
	response := new(metadatav1.ListUsesResponse)
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) error {
		response.Reset()
		return tx.Rows(ctx, usesQuery(request), func(scan func(...any) error) error {
			use := new(metadatav1.ArtifactUse)
			response.Uses = append(response.Uses, use)
			return scan(&use.Uri, &use.Context)
		})
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

func usesQuery(request *metadatav1.ListUsesRequest) *sqlstore.Query {
	below := strings.TrimSuffix(request.GetPlace(), "/") + "/"
	begins := listing.FirstRunes(below, listing.IndexedRunes)
	q := sqlstore.Q("SELECT DISTINCT a.uri, x.context FROM artifacts a"+
		" JOIN events e ON e.artifact_id = a.id JOIN executions x ON x.id = e.execution_id"+
		" WHERE substr(a.uri, 1, 256) >= ? AND substr(a.uri, 1, 256) <= ?", begins, begins+string(utf8.MaxRune)).
		Add("AND a.uri > ? AND a.uri <= ?", below, below+string(utf8.MaxRune)).
		Add("AND x.context <> ?", request.GetExceptContext())
	if after := request.GetAfter(); after != nil {
		q.Add("AND (a.uri > ? OR a.uri = ? AND x.context > ?)", after.GetUri(), after.GetUri(), after.GetContext())
	}
	size := int(request.GetPageSize())
	if size == 0 {
		size = defaultUses
	}
	return q.Add("ORDER BY a.uri, x.context LIMIT ?", size)
}
