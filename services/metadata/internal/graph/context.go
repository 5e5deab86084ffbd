package graph

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const contextColumns = "id, uid, namespace, name, type, properties, created_at, updated_at"

// PutContexts stores contexts and what is above them. One that is known by its
// uid keeps its number, its create time, and what this one does not say.
func (g *Graph) PutContexts(ctx context.Context, contexts []*metadatav1.Context) ([]int64, error) {
	ids := make([]int64, len(contexts))
	err := g.db.Write(ctx, func(tx *sqlstore.Tx) error {
		numbers, err := putContexts(ctx, tx, contexts, sqlstore.Nanos(timestamppb.Now()))
		for i, c := range contexts {
			ids[i] = numbers[c.GetUid()]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Fresh reports whether a context is not known yet as of a revision of the
// resource that it stands for, or a newer one.
func Fresh(ctx context.Context, tx *sqlstore.Tx, uid string, revision int64) (bool, error) {
	var known int64
	_, err := tx.Row(ctx, sqlstore.Q("SELECT revision FROM contexts WHERE uid = ?", uid), &known)
	return known < revision, err
}

// Revise stores a context as of a revision that is fresh.
func Revise(ctx context.Context, tx *sqlstore.Tx, c *metadatav1.Context, revision int64) error {
	if _, err := putContexts(ctx, tx, []*metadatav1.Context{c}, sqlstore.Nanos(timestamppb.Now())); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlstore.Q("UPDATE contexts SET revision = ? WHERE uid = ? AND revision < ?", revision, c.GetUid(), revision))
	if err == nil && n == 0 {
		err = fault.Conflictf("another has stored a newer revision just now") // so the transaction runs again
	}
	return err
}

// Context returns one context, by its number or its uid, or a NotFound fault.
func (g *Graph) Context(ctx context.Context, id int64, uid string) (*metadatav1.Context, error) {
	q := sqlstore.Q("SELECT "+contextColumns+" FROM contexts WHERE id = ?", id)
	if id == 0 {
		q = sqlstore.Q("SELECT "+contextColumns+" FROM contexts WHERE uid = ?", uid)
	}
	var found []*metadatav1.Context
	err := g.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		if found, err = readContexts(ctx, tx, q); err != nil {
			return err
		}
		return addParents(ctx, tx, found)
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("there is no context %s", cmp.Or(uid, fmt.Sprint(id))).WithReason("CONTEXT_NOT_FOUND")
	}
	return found[0], nil
}

// contextSet is contexts and what is above them, each once.
type contextSet struct {
	all   map[string]*metadatav1.Context // by uid, without parents
	edges map[edge]struct{}
}

// edge says that one context is part of another, both by uid.
type edge struct{ child, parent string }

func (s *contextSet) add(c *metadatav1.Context) {
	known := s.all[c.GetUid()]
	if known == nil {
		known = &metadatav1.Context{Uid: c.GetUid()}
		s.all[c.GetUid()] = known
	}
	over(known, c)
	for _, parent := range c.GetParents() {
		s.edges[edge{c.GetUid(), parent.GetUid()}] = struct{}{}
		s.add(parent)
	}
}

// over lays what one context says over another.
func over(known, fresh *metadatav1.Context) {
	known.Namespace = cmp.Or(fresh.GetNamespace(), known.GetNamespace())
	known.Name = cmp.Or(fresh.GetName(), known.GetName())
	known.Type = cmp.Or(fresh.GetType(), known.GetType())
	known.Properties = merged(known.GetProperties(), fresh.GetProperties())
	known.CustomProperties = merged(known.GetCustomProperties(), fresh.GetCustomProperties())
	if known.GetCreateTime() == nil {
		known.CreateTime = fresh.GetCreateTime()
	}
}

// putContexts stores contexts and returns the numbers of all of them, and of what
// is above them, by uid. Nothing is written where nothing is new.
func putContexts(ctx context.Context, tx *sqlstore.Tx, contexts []*metadatav1.Context, now int64) (map[string]int64, error) {
	set := &contextSet{all: map[string]*metadatav1.Context{}, edges: map[edge]struct{}{}}
	for _, c := range contexts {
		set.add(c)
	}
	if len(set.all) == 0 {
		return nil, nil
	}
	uids := slices.Sorted(maps.Keys(set.all))
	known, err := contextsByUID(ctx, tx, uids, "")
	if err != nil {
		return nil, err
	}
	if len(known) < len(uids) {
		if err := insertContexts(ctx, tx, set.all, known, now); err != nil {
			return nil, err
		}
		if known, err = contextsByUID(ctx, tx, uids, ""); err != nil {
			return nil, err
		}
	}
	numbers := make(map[string]int64, len(known))
	for uid, c := range known {
		numbers[uid] = c.GetContextId()
		if err := updateContext(ctx, tx, c, set.all[uid], now); err != nil {
			return nil, err
		}
	}
	return numbers, putParents(ctx, tx, set.edges, numbers)
}

// contextsByUID reads contexts, and locks them with the suffix that a dialect has
// for that.
func contextsByUID(ctx context.Context, tx *sqlstore.Tx, uids []string, lock string) (map[string]*metadatav1.Context, error) {
	found := make(map[string]*metadatav1.Context, len(uids))
	for some := range slices.Chunk(uids, batch) {
		q := sqlstore.Q("SELECT " + contextColumns + " FROM contexts WHERE uid IN").List(boxed(some)...).Add(lock)
		contexts, err := readContexts(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		for _, c := range contexts {
			found[c.GetUid()] = c
		}
	}
	return found, nil
}

// insertContexts adds those that are not known.
func insertContexts(ctx context.Context, tx *sqlstore.Tx, all, known map[string]*metadatav1.Context, now int64) error {
	var rows [][]any
	for _, uid := range slices.Sorted(maps.Keys(all)) {
		if known[uid] != nil {
			continue
		}
		c := all[uid]
		packed, err := encodeProperties(c)
		if err != nil {
			return err
		}
		rows = append(rows, []any{uid, c.GetNamespace(), c.GetName(), c.GetType(), packed, 0, firstSeen(c.GetCreateTime(), now), now})
	}
	return insertRows(ctx, tx, "contexts (uid, namespace, name, type, properties, revision, created_at, updated_at)", rows, keep)
}

// updateContext writes what a context says that is new.
func updateContext(ctx context.Context, tx *sqlstore.Tx, known, fresh *metadatav1.Context, now int64) error {
	next := proto.CloneOf(known)
	over(next, fresh)
	if proto.Equal(next, known) {
		return nil
	}
	locked, err := contextsByUID(ctx, tx, []string{known.GetUid()}, tx.Dialect().ForUpdate())
	if err != nil {
		return err
	}
	next = locked[known.GetUid()]
	over(next, fresh)
	packed, err := encodeProperties(next)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlstore.Q("UPDATE contexts SET namespace = ?, name = ?, type = ?, properties = ?, updated_at = ? WHERE id = ?",
		next.GetNamespace(), next.GetName(), next.GetType(), packed, now, next.GetContextId()))
	return err
}

// putParents stores which contexts are part of which.
func putParents(ctx context.Context, tx *sqlstore.Tx, edges map[edge]struct{}, numbers map[string]int64) error {
	if len(edges) == 0 {
		return nil
	}
	children := map[int64]struct{}{}
	for e := range edges {
		children[numbers[e.child]] = struct{}{}
	}
	have := map[[2]int64]bool{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(children)), batch) {
		q := sqlstore.Q("SELECT context_id, parent_id FROM context_parents WHERE context_id IN").List(boxed(some)...)
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var pair [2]int64
			err := scan(&pair[0], &pair[1])
			have[pair] = true
			return err
		})
		if err != nil {
			return err
		}
	}
	var rows [][]any
	for e := range edges {
		if pair := [2]int64{numbers[e.child], numbers[e.parent]}; !have[pair] {
			rows = append(rows, []any{pair[0], pair[1]})
		}
	}
	return insertRows(ctx, tx, "context_parents (context_id, parent_id)", rows, "ON CONFLICT DO NOTHING")
}

func readContexts(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Context, error) {
	var contexts []*metadatav1.Context
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		c := new(metadatav1.Context)
		var packed []byte
		var created, updated int64
		err := scan(&c.ContextId, &c.Uid, &c.Namespace, &c.Name, &c.Type, &packed, &created, &updated)
		if err != nil {
			return err
		}
		c.CreateTime, c.UpdateTime = sqlstore.Time(created), sqlstore.Time(updated)
		contexts = append(contexts, c)
		c.Properties, c.CustomProperties, err = decodeProperties(packed)
		return err
	})
	return contexts, err
}

// addParents reads the direct parents of contexts.
func addParents(ctx context.Context, tx *sqlstore.Tx, contexts []*metadatav1.Context) error {
	byNumber := make(map[int64]*metadatav1.Context, len(contexts))
	for _, c := range contexts {
		byNumber[c.GetContextId()] = c
	}
	var edges [][2]int64
	for some := range slices.Chunk(slices.Sorted(maps.Keys(byNumber)), batch) {
		q := sqlstore.Q("SELECT context_id, parent_id FROM context_parents WHERE context_id IN").List(boxed(some)...).
			Add("ORDER BY context_id, parent_id")
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var pair [2]int64
			err := scan(&pair[0], &pair[1])
			edges = append(edges, pair)
			return err
		})
		if err != nil {
			return err
		}
	}
	var ids []int64
	for _, e := range edges {
		ids = append(ids, e[1])
	}
	slices.Sort(ids)
	parents, err := byID(slices.Compact(ids), func(list *sqlstore.Query) ([]*metadatav1.Context, error) {
		return readContexts(ctx, tx, sqlstore.Q("SELECT "+contextColumns+" FROM contexts WHERE id IN").Append(list))
	}, (*metadatav1.Context).GetContextId)
	if err != nil {
		return err
	}
	above := make(map[int64]*metadatav1.Context, len(parents))
	for _, p := range parents {
		above[p.GetContextId()] = p
	}
	for _, e := range edges {
		if parent := above[e[1]]; parent != nil {
			byNumber[e[0]].Parents = append(byNumber[e[0]].Parents, parent)
		}
	}
	return nil
}
