package tracking

import (
	"context"
	"math"
	"slices"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// seriesOf is a series of a run.
type seriesOf struct {
	run int64
	seriesKey
}

// recall fills in the numbers of series that are remembered.
func (s *Store) recall(run int64, all []series) {
	for i := range all {
		all[i].num, _ = s.series.get(seriesOf{run, all[i].seriesKey})
	}
}

// remember remembers the numbers of series.
func (s *Store) remember(run int64, all []series) {
	for _, one := range all {
		s.series.put(seriesOf{run, one.seriesKey}, one.num)
	}
}

// findSeries fills in the numbers of series, which it makes when they are not
// there.
func findSeries(ctx context.Context, tx *sqlstore.Tx, run int64, all []series) error {
	if err := knownSeries(ctx, tx, run, all); err != nil {
		return err
	}
	if !slices.ContainsFunc(all, series.unknown) {
		return nil
	}
	if err := makeSeries(ctx, tx, run, all); err != nil {
		return err
	}
	return knownSeries(ctx, tx, run, all)
}

func (s series) unknown() bool { return s.num == 0 }

// knownSeries fills in the numbers of series that are there.
func knownSeries(ctx context.Context, tx *sqlstore.Tx, run int64, all []series) error {
	index := make(map[seriesKey]int, len(all))
	var keys []string
	for i, s := range all {
		if s.unknown() {
			index[s.seriesKey] = i
			keys = append(keys, s.key)
		}
	}
	for some := range slices.Chunk(slices.Compact(keys), batch) {
		q := sqlstore.Q("SELECT num, key, model_id, dataset_name, dataset_digest FROM tracking_series WHERE run_num = ? AND key IN", run).
			List(boxed(some)...)
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var k seriesKey
			var num int64
			err := scan(&num, &k.key, &k.model, &k.dataset, &k.digest)
			if i, ok := index[k]; ok {
				all[i].num = num
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// makeSeries adds the series that are not known, with a latest point that is older
// than any. Another transaction may have been first.
func makeSeries(ctx context.Context, tx *sqlstore.Tx, run int64, all []series) error {
	insert := tx.Insert("tracking_series",
		[]string{"run_num", "key", "model_id", "dataset_name", "dataset_digest", "value", "is_nan", "step", "at"},
		"ON CONFLICT (run_num, key, model_id, dataset_name, dataset_digest) DO NOTHING")
	for _, s := range all {
		if !s.unknown() {
			continue
		}
		if err := insert.Row(ctx, run, s.key, s.model, s.dataset, s.digest, 0.0, false, int64(math.MinInt64), int64(-1)); err != nil {
			return err
		}
	}
	_, err := insert.Flush(ctx)
	return err
}
