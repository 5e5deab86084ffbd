package tracking

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// seriesKey says what a series of points measures: a metric of a run, on a model
// and a dataset; empty where there is none.
type seriesKey struct {
	key, model, dataset, digest string
}

func (k seriesKey) compare(other seriesKey) int {
	return cmp.Or(cmp.Compare(k.key, other.key), cmp.Compare(k.model, other.model),
		cmp.Compare(k.dataset, other.dataset), cmp.Compare(k.digest, other.digest))
}

// point is one point of a series.
type point struct {
	step, at int64
	value    float64
}

// later compares points as MLflow does to find the latest: by step, time and
// value, where NaN counts as 0.
func (p point) later(other point) bool {
	return cmp.Or(cmp.Compare(p.step, other.step), cmp.Compare(p.at, other.at),
		cmp.Compare(numberOf(p.value).value, numberOf(other.value).value)) > 0
}

// series is points to be added to a series.
type series struct {
	seriesKey
	points []point
	latest point // of them
}

// bySeries sorts metrics into series, in the order of their keys.
func bySeries(metrics []*metadatav1.Metric) []series {
	index := make(map[seriesKey]int, len(metrics))
	var all []series
	for _, m := range metrics {
		k := seriesKey{m.GetKey(), m.GetModelId(), m.GetDatasetName(), m.GetDatasetDigest()}
		p := point{step: m.GetStep(), at: m.GetTimestamp(), value: m.GetValue()}
		i, ok := index[k]
		if !ok {
			i = len(all)
			index[k] = i
			all = append(all, series{seriesKey: k, latest: p})
		}
		all[i].points = append(all[i].points, p)
		if p.later(all[i].latest) {
			all[i].latest = p
		}
	}
	slices.SortFunc(all, func(a, b series) int { return a.compare(b.seriesKey) })
	return all
}

// putMetrics adds points to a run.
func putMetrics(ctx context.Context, tx *sqlstore.Tx, run *runRow, all []series) error {
	if len(all) == 0 {
		return nil
	}
	nums, err := seriesNums(ctx, tx, run.num, all)
	if err != nil {
		return err
	}
	if err := putPoints(ctx, tx, nums, all); err != nil {
		return err
	}
	if err := putLatest(ctx, tx, run, all); err != nil {
		return err
	}
	return putModelLatest(ctx, tx, nums, all)
}

// seriesNums returns the numbers of series, which it makes when they are not there.
func seriesNums(ctx context.Context, tx *sqlstore.Tx, run int64, all []series) (map[seriesKey]int64, error) {
	nums := make(map[seriesKey]int64, len(all))
	for some := range slices.Chunk(all, batch) {
		if err := knownSeries(ctx, tx, run, some, nums); err != nil {
			return nil, err
		}
	}
	missing := slices.DeleteFunc(slices.Clone(all), func(s series) bool { return nums[s.seriesKey] != 0 })
	for some := range slices.Chunk(missing, batch) {
		if err := makeSeries(ctx, tx, run, some); err != nil {
			return nil, err
		}
		if err := knownSeries(ctx, tx, run, some, nums); err != nil {
			return nil, err
		}
	}
	return nums, nil
}

// knownSeries adds the numbers of series that are there to nums.
func knownSeries(ctx context.Context, tx *sqlstore.Tx, run int64, some []series, nums map[seriesKey]int64) error {
	keys := make([]string, len(some))
	for i, s := range some {
		keys[i] = s.key
	}
	q := sqlstore.Q("SELECT num, key, model_id, dataset_name, dataset_digest FROM tracking_series WHERE run_num = ? AND key IN", run).
		List(boxed(slices.Compact(keys))...)
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var k seriesKey
		var num int64
		err := scan(&num, &k.key, &k.model, &k.dataset, &k.digest)
		nums[k] = num
		return err
	})
}

// makeSeries adds series, which are older than any point. Another transaction may
// have been first.
func makeSeries(ctx context.Context, tx *sqlstore.Tx, run int64, some []series) error {
	q := rows{sqlstore.Q("INSERT INTO tracking_series (run_num, key, model_id, dataset_name, dataset_digest, value, is_nan, step, at) VALUES")}
	for i, s := range some {
		q.row(i, run, s.key, s.model, s.dataset, s.digest, 0.0, false, int64(math.MinInt64), int64(-1))
	}
	_, err := tx.Exec(ctx, q.Add("ON CONFLICT (run_num, key, model_id, dataset_name, dataset_digest) DO NOTHING"))
	return err
}

// pointRows is how many points one statement adds. The SQLite driver looks for the
// value of each placeholder among all of them, so a statement's time grows with the
// square of its rows.
const pointRows = 50

// putPoints adds points; those that are there already stay.
func putPoints(ctx context.Context, tx *sqlstore.Tx, nums map[seriesKey]int64, all []series) error {
	const insert = "INSERT INTO tracking_points (series_num, at, step, bits) VALUES"
	q, n := rows{sqlstore.Q(insert)}, 0
	flush := func() error {
		_, err := tx.Exec(ctx, q.Add("ON CONFLICT (series_num, at, step, bits) DO NOTHING"))
		q, n = rows{sqlstore.Q(insert)}, 0
		return err
	}
	for _, s := range all {
		for _, p := range s.points {
			q.row(n, nums[s.seriesKey], p.at, p.step, sortable(p.value))
			if n++; n == pointRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if n == 0 {
		return nil
	}
	return flush()
}

// putLatest keeps the latest point of each metric.
func putLatest(ctx context.Context, tx *sqlstore.Tx, run *runRow, all []series) error {
	q, n := rows{sqlstore.Q("INSERT INTO tracking_latest (run_num, key, value, is_nan, step, at, experiment_id) VALUES")}, 0
	for i := 0; i < len(all); n++ { // series of one key follow each other
		latest, key := all[i].latest, all[i].key
		for i++; i < len(all) && all[i].key == key; i++ {
			if all[i].latest.later(latest) {
				latest = all[i].latest
			}
		}
		value := numberOf(latest.value)
		q.row(n, run.num, key, value.value, value.isNaN, latest.step, latest.at, run.experiment)
	}
	_, err := tx.Exec(ctx, q.Add("ON CONFLICT (run_num, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan,"+
		" step = excluded.step, at = excluded.at WHERE (excluded.step, excluded.at, excluded.value) >"+
		" (tracking_latest.step, tracking_latest.at, tracking_latest.value)"))
	return err
}

// putModelLatest keeps the latest point of each series that measures a model.
func putModelLatest(ctx context.Context, tx *sqlstore.Tx, nums map[seriesKey]int64, all []series) error {
	for _, s := range all {
		if s.model == "" {
			continue
		}
		value := numberOf(s.latest.value)
		_, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_series SET value = ?, is_nan = ?, step = ?, at = ?"+
			" WHERE num = ? AND (step, at, value) < (?, ?, ?)", value.value, value.isNaN, s.latest.step, s.latest.at,
			nums[s.seriesKey], s.latest.step, s.latest.at, value.value))
		if err != nil {
			return err
		}
	}
	return nil
}

// floatText spells a number as Python does, near enough for a message.
func floatText(value float64) string {
	switch {
	case math.IsNaN(value):
		return "nan"
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	case value == math.Trunc(value) && math.Abs(value) < 1e16:
		return strconv.FormatFloat(value, 'f', 1, 64)
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}
