package graph

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// What artifacts and executions may be filtered and sorted by.
var (
	artifactTable = listing.Table{
		Columns: map[string]listing.Column{
			"uid":         {Name: "uid"},
			"namespace":   {Name: "namespace"},
			"name":        {Name: "name", Begins: true},
			"type":        {Name: "type"},
			"uri":         {Name: "uri", Begins: true},
			"context":     {Name: "context"},
			"create_time": {Name: "created_at", Kind: listing.Time},
		},
		Default: "create_time",
	}
	executionTable = listing.Table{
		Columns: map[string]listing.Column{
			"uid":         {Name: "uid"},
			"namespace":   {Name: "namespace"},
			"name":        {Name: "name", Begins: true},
			"type":        {Name: "type"},
			"state":       {Name: "state"},
			"context":     {Name: "context"},
			"create_time": {Name: "created_at", Kind: listing.Time},
		},
		Default: "create_time",
	}
	contextTable = listing.Table{
		Columns: map[string]listing.Column{
			"uid":         {Name: "uid"},
			"namespace":   {Name: "namespace"},
			"name":        {Name: "name"},
			"type":        {Name: "type"},
			"create_time": {Name: "created_at", Kind: listing.Time},
		},
		Default: "create_time",
	}
)

// ListArtifacts returns one page of artifacts.
func (g *Graph) ListArtifacts(ctx context.Context, request *metadatav1.ListArtifactsRequest) (*metadatav1.ListArtifactsResponse, error) {
	page, err := list(ctx, g.db, request, lister[*metadatav1.Artifact]{
		table: artifactTable, columns: artifactColumns, from: "artifacts", read: readArtifacts,
		only: below("SELECT artifact_id FROM attributions WHERE context_id IN", request.GetContextId()),
		value: func(a *metadatav1.Artifact, key string) string {
			return map[string]string{
				"uid": a.GetUid(), "namespace": a.GetNamespace(), "name": a.GetName(), "type": a.GetType(), "uri": a.GetUri(),
				"context": a.GetContext(), "create_time": timeText(a.GetCreateTime()),
			}[key]
		},
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.ListArtifactsResponse{Artifacts: page.items, NextPageToken: page.next, TotalSize: page.total}, nil
}

// ListExecutions returns one page of executions.
func (g *Graph) ListExecutions(ctx context.Context, request *metadatav1.ListExecutionsRequest) (*metadatav1.ListExecutionsResponse, error) {
	page, err := list(ctx, g.db, request, lister[*metadatav1.Execution]{
		table: executionTable, columns: executionColumns, from: "executions", read: readExecutions,
		only: below("SELECT execution_id FROM associations WHERE context_id IN", request.GetContextId()),
		value: func(e *metadatav1.Execution, key string) string {
			return map[string]string{
				"uid": e.GetUid(), "namespace": e.GetNamespace(), "name": e.GetName(), "type": e.GetType(),
				"state": e.GetState().String(), "context": e.GetContext(), "create_time": timeText(e.GetCreateTime()),
			}[key]
		},
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.ListExecutionsResponse{Executions: page.items, NextPageToken: page.next, TotalSize: page.total}, nil
}

// ListContexts returns one page of contexts, with their direct parents.
func (g *Graph) ListContexts(ctx context.Context, request *metadatav1.ListContextsRequest) (*metadatav1.ListContextsResponse, error) {
	page, err := list(ctx, g.db, request, lister[*metadatav1.Context]{
		table: contextTable, columns: contextColumns, from: "contexts",
		only: and(
			joined("SELECT context_id FROM associations WHERE execution_id = ?", request.GetExecutionId()),
			joined("SELECT context_id FROM attributions WHERE artifact_id = ?", request.GetArtifactId()),
			joined("SELECT context_id FROM context_parents WHERE parent_id = ?", request.GetParentId()),
		),
		read: func(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Context, error) {
			contexts, err := readContexts(ctx, tx, q)
			if err != nil {
				return nil, err
			}
			return contexts, addParents(ctx, tx, contexts)
		},
		value: func(c *metadatav1.Context, key string) string {
			return map[string]string{
				"uid": c.GetUid(), "namespace": c.GetNamespace(), "name": c.GetName(), "type": c.GetType(),
				"create_time": timeText(c.GetCreateTime()),
			}[key]
		},
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.ListContextsResponse{Contexts: page.items, NextPageToken: page.next, TotalSize: page.total}, nil
}

// below is the condition that something belongs to a context or to one below it,
// or nil for any; members selects what belongs to contexts.
func below(members string, context int64) *sqlstore.Query {
	if context == 0 {
		return nil
	}
	return sqlstore.Q("id IN ("+members+" (WITH RECURSIVE below (id) AS (SELECT CAST(? AS BIGINT) UNION"+
		" SELECT p.context_id FROM context_parents p JOIN below b ON p.parent_id = b.id) SELECT id FROM below))", context)
}

// joined is the condition that something is among what a query for a number
// selects, or nil for no number.
func joined(members string, id int64) *sqlstore.Query {
	if id == 0 {
		return nil
	}
	return sqlstore.Q("id IN ("+members+")", id)
}

// and joins conditions, of which some may be nil.
func and(conditions ...*sqlstore.Query) *sqlstore.Query {
	var all *sqlstore.Query
	for _, c := range conditions {
		switch {
		case c == nil:
		case all == nil:
			all = c
		default:
			all.Add("AND").Append(c)
		}
	}
	return all
}

// request is what the list requests have in common.
type request interface {
	GetFilter() string
	GetOrderBy() string
	GetPageSize() int32
	GetPageToken() string
}

// lister is how one kind of item is listed.
type lister[T interface{ GetUid() string }] struct {
	table   listing.Table
	columns string
	from    string
	only    *sqlstore.Query // what must hold beside the filter; nil for nothing
	read    func(context.Context, *sqlstore.Tx, *sqlstore.Query) ([]T, error)
	value   func(item T, key string) string // of a sort key
}

type page[T any] struct {
	items []T
	next  string
	total int64
}

// list reads a page and the total in one snapshot.
func list[T interface{ GetUid() string }](ctx context.Context, db *sqlstore.DB, r request, l lister[T]) (page[T], error) {
	var p page[T]
	filter, err := listing.ParseFilter(r.GetFilter())
	if err != nil {
		return p, err
	}
	where, err := l.table.Where(db.Dialect(), filter)
	if err != nil {
		return p, err
	}
	where = and(l.only, where)
	order, err := l.table.ParseOrder(r.GetOrderBy())
	if err != nil {
		return p, err
	}
	after, err := listing.ParseToken(r.GetPageToken(), where, order)
	if err != nil {
		return p, err
	}
	size, err := listing.PageSize(r.GetPageSize())
	if err != nil {
		return p, err
	}
	err = db.Read(ctx, func(tx *sqlstore.Tx) error {
		items, err := l.read(ctx, tx, l.query(l.columns, where, after).Add(order.By()).Add("LIMIT ?", size+1))
		if err != nil {
			return err
		}
		p.items = items[:min(len(items), size)]
		if len(items) > size {
			last := items[size-1]
			p.next = listing.Token(where, order, listing.Position{Value: l.value(last, order.Key), UID: last.GetUid()})
		}
		_, err = tx.Row(ctx, l.query("COUNT(*)", where), &p.total)
		return err
	})
	return p, err
}

// query selects what meets every condition that is not nil.
func (l lister[T]) query(what string, conditions ...*sqlstore.Query) *sqlstore.Query {
	q := sqlstore.Q("SELECT " + what + " FROM " + l.from)
	word := "WHERE"
	for _, condition := range conditions {
		if condition != nil {
			q.Add(word).Append(condition)
			word = "AND"
		}
	}
	return q
}

// timeText is a time as a position in an order holds it.
func timeText(ts *timestamppb.Timestamp) string { return ts.AsTime().Format(time.RFC3339Nano) }
