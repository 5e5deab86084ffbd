package archive

import (
	"context"
	"slices"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// groupColumns are the fields by which record_counts tells groups apart, kind
// excepted, in the order of group.into.
const groupColumns = "namespace, parent, origin, state, storage_state"

// groupKeys are the filter keys that record_counts can answer.
var groupKeys = map[string]bool{"namespace": true, "parent": true, "origin": true, "state": true, "storage_state": true}

// group is a combination of values that records share.
type group struct {
	kind, namespace, parent, origin, state, storageState string
}

func groupOf(r *metadatav1.Record) *group {
	return &group{
		kind: r.GetKind(), namespace: r.GetNamespace(), parent: r.GetParent(), origin: r.GetOrigin(),
		state: r.GetState(), storageState: r.GetStorageState(),
	}
}

// into is where to scan groupColumns.
func (g *group) into() []any {
	return []any{&g.namespace, &g.parent, &g.origin, &g.state, &g.storageState}
}

// text is the key of the group's row.
func (g *group) text() []string {
	return []string{g.kind, g.namespace, g.parent, g.origin, g.state, g.storageState}
}

func (g *group) values() []any {
	return []any{g.kind, g.namespace, g.parent, g.origin, g.state, g.storageState}
}

// grouped reports whether a filter looks only at what a group has in common.
func grouped(filter *metav1.Filter) bool {
	for _, predicate := range filter.GetPredicates() {
		if !groupKeys[predicate.GetKey()] {
			return false
		}
	}
	return true
}

// recount moves one record from a group to another; nil is no group.
func recount(ctx context.Context, tx *sqlstore.Tx, from, to *group) error {
	switch {
	case from == nil:
		return countIn(ctx, tx, to)
	case to == nil:
		return countOut(ctx, tx, from)
	case *from == *to:
		return nil
	case slices.Compare(from.text(), to.text()) < 0:
		if err := countOut(ctx, tx, from); err != nil {
			return err
		}
		return countIn(ctx, tx, to)
	default:
		if err := countIn(ctx, tx, to); err != nil {
			return err
		}
		return countOut(ctx, tx, from)
	}
}

// countIn adds one to a group.
func countIn(ctx context.Context, tx *sqlstore.Tx, g *group) error {
	return execAll(ctx, tx, sqlstore.Q("INSERT INTO record_counts (kind, "+groupColumns+", n) VALUES").
		List(append(g.values(), 1)...).
		Add("ON CONFLICT (kind, "+groupColumns+") DO UPDATE SET n = record_counts.n + 1"))
}

// countOut takes one from a group and forgets a group that is empty.
func countOut(ctx context.Context, tx *sqlstore.Tx, g *group) error {
	const which = "WHERE kind = ? AND namespace = ? AND parent = ? AND origin = ? AND state = ? AND storage_state = ?"
	return execAll(ctx, tx,
		sqlstore.Q("UPDATE record_counts SET n = n - 1 "+which, g.values()...),
		sqlstore.Q("DELETE FROM record_counts "+which+" AND n = 0", g.values()...))
}
