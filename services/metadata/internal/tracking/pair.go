package tracking

import (
	"context"
	"maps"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// pairs is a table of keys and values that belong to something.
type pairs struct {
	table string
	owner string // its column with the owner's number
}

// The tables of keys and values.
var (
	experimentTags = pairs{table: "tracking_experiment_tags", owner: "experiment_id"}
	runTags        = pairs{table: "tracking_tags", owner: "run_num"}
	runParams      = pairs{table: "tracking_params", owner: "run_num"}
	modelTags      = pairs{table: "tracking_model_tags", owner: "model_num"}
	modelParams    = pairs{table: "tracking_model_params", owner: "model_num"}
)

// lastOfEach is tags by key; of equal keys the last one counts.
func lastOfEach(tags []*metadatav1.Tag) []*metadatav1.Tag {
	byKey := make(map[string]*metadatav1.Tag, len(tags))
	for _, tag := range tags {
		byKey[tag.GetKey()] = tag
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b *metadatav1.Tag) int { return strings.Compare(a.GetKey(), b.GetKey()) })
}

// insert starts an INSERT of rows of an owner's number, a key and a value.
func (in pairs) insert(tx *sqlstore.Tx, conflict string) *sqlstore.Insert {
	return tx.Insert(in.table, []string{in.owner, "key", "value"}, "ON CONFLICT ("+in.owner+", key) "+conflict)
}

// putTags sets tags, whose keys must be different and sorted.
func putTags(ctx context.Context, tx *sqlstore.Tx, in pairs, owner int64, tags []*metadatav1.Tag) error {
	insert := in.insert(tx, "DO UPDATE SET value = excluded.value")
	for _, tag := range tags {
		if err := insert.Row(ctx, owner, tag.GetKey(), tag.GetValue()); err != nil {
			return err
		}
	}
	_, err := insert.Flush(ctx)
	return err
}

// deleteTags deletes tags; missing says that one is not there.
func deleteTags(ctx context.Context, tx *sqlstore.Tx, in pairs, owner int64, keys []string, missing func(key string) error) error {
	for _, key := range keys {
		n, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM "+in.table+" WHERE "+in.owner+" = ? AND key = ?", owner, key))
		if err != nil {
			return err
		}
		if n == 0 {
			return missing(key)
		}
	}
	return nil
}

// readTags reads the tags of owners, by key.
func readTags[T any](ctx context.Context, tx *sqlstore.Tx, in pairs, owners map[int64]T, add func(T, *metadatav1.Tag)) error {
	return readPairs(ctx, tx, in, owners, func(owner T, key, value string) {
		add(owner, &metadatav1.Tag{Key: key, Value: value})
	})
}

// readParams reads the parameters of owners, by key.
func readParams[T any](ctx context.Context, tx *sqlstore.Tx, in pairs, owners map[int64]T, add func(T, *metadatav1.Param)) error {
	return readPairs(ctx, tx, in, owners, func(owner T, key, value string) {
		add(owner, &metadatav1.Param{Key: key, Value: value})
	})
}

func readPairs[T any](ctx context.Context, tx *sqlstore.Tx, in pairs, owners map[int64]T, add func(owner T, key, value string)) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(owners)), batch) {
		q := sqlstore.Q("SELECT " + in.owner + ", key, value FROM " + in.table + " WHERE " + in.owner + " IN").List(boxed(some)...).
			Add("ORDER BY " + in.owner + ", key")
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var owner int64
			var key, value string
			if err := scan(&owner, &key, &value); err != nil {
				return err
			}
			add(owners[owner], key, value)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
