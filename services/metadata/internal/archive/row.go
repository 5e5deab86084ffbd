package archive

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// columns of the records table, in the order of values and row.into.
const columns = "kind, uid, namespace, name, display_name, description, state, storage_state, parent, origin, " +
	"created_at, scheduled_at, finished_at"

// table is what records may be filtered and sorted by. The kind is not in it:
// every list is of one kind.
var table = listing.Table{
	Columns: map[string]listing.Column{
		"uid":           {Name: "uid"},
		"namespace":     {Name: "namespace"},
		"name":          {Name: "name"},
		"display_name":  {Name: "display_name"},
		"description":   {Name: "description"},
		"state":         {Name: "state"},
		"storage_state": {Name: "storage_state"},
		"parent":        {Name: "parent"},
		"origin":        {Name: "origin"},
		"created_at":    {Name: "created_at", Kind: listing.Time},
		"scheduled_at":  {Name: "scheduled_at", Kind: listing.Time},
		"finished_at":   {Name: "finished_at", Kind: listing.Time},
	},
	Default: "created_at",
}

// values of a record's columns.
func values(r *metadatav1.Record) []any {
	return []any{
		r.GetKind(), r.GetUid(), r.GetNamespace(), r.GetName(), r.GetDisplayName(), r.GetDescription(), r.GetState(),
		r.GetStorageState(), r.GetParent(), r.GetOrigin(),
		sqlstore.Nanos(r.GetCreatedAt()), sqlstore.Nanos(r.GetScheduledAt()), sqlstore.Nanos(r.GetFinishedAt()),
	}
}

// row is a row of the records table.
type row struct {
	kind, uid, namespace, name, displayName, description, state, storageState, parent, origin string
	createdAt, scheduledAt, finishedAt                                                        int64
}

// into is where to scan the columns.
func (r *row) into() []any {
	return []any{
		&r.kind, &r.uid, &r.namespace, &r.name, &r.displayName, &r.description, &r.state, &r.storageState, &r.parent, &r.origin,
		&r.createdAt, &r.scheduledAt, &r.finishedAt,
	}
}

func (r *row) record() *metadatav1.Record {
	return &metadatav1.Record{
		Kind: r.kind, Uid: r.uid, Namespace: r.namespace, Name: r.name, DisplayName: r.displayName,
		Description: r.description, State: r.state, StorageState: r.storageState, Parent: r.parent, Origin: r.origin,
		CreatedAt: sqlstore.Time(r.createdAt), ScheduledAt: sqlstore.Time(r.scheduledAt), FinishedAt: sqlstore.Time(r.finishedAt),
	}
}
