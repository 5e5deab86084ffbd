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
			"name":        {Name: "name"},
			"type":        {Name: "type"},
			"uri":         {Name: "uri"},
			"context":     {Name: "context"},
			"create_time": {Name: "created_at", Kind: listing.Time},
		},
		Default: "create_time",
	}
	executionTable = listing.Table{
		Columns: map[string]listing.Column{
			"uid":         {Name: "uid"},
			"namespace":   {Name: "namespace"},
			"name":        {Name: "name"},
			"type":        {Name: "type"},
			"state":       {Name: "state"},
			"context":     {Name: "context"},
			"create_time": {Name: "created_at", Kind: listing.Time},
		},
		Default: "create_time",
	}
)

// ListArtifacts returns one page of artifacts.
func (g *Graph) ListArtifacts(ctx context.Context, request *metadatav1.ListArtifactsRequest) (*metadatav1.ListArtifactsResponse, error) {
	page, err := list(ctx, g.db, request, lister[*metadatav1.Artifact]{
		table: artifactTable, columns: artifactColumns, from: "artifacts", read: readArtifacts,
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
