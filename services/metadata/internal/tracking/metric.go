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
	num    int64 // of its row; 0 while it is not known
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
func putMetrics(ctx context.Context, tx *sqlstore.Tx, run runRef, all []series) error {
	if len(all) == 0 {
		return nil
	}
	if err := findSeries(ctx, tx, run.num, all); err != nil {
		return err
	}
	if err := putPoints(ctx, tx, all); err != nil {
		return err
	}
	if err := putLatest(ctx, tx, run, all); err != nil {
		return err
	}
	return putModelLatest(ctx, tx, all)
}

// putPoints adds points; those that are there already stay.
func putPoints(ctx context.Context, tx *sqlstore.Tx, all []series) error {
	insert := tx.Insert("tracking_points", []string{"series_num", "step", "at", "bits"}, "ON CONFLICT DO NOTHING")
	for _, s := range all {
		for _, p := range s.points {
			if err := insert.Row(ctx, s.num, p.step, p.at, sortable(p.value)); err != nil {
				return err
			}
		}
	}
	_, err := insert.Flush(ctx)
	return err
}

// putLatest keeps the latest point of each metric.
func putLatest(ctx context.Context, tx *sqlstore.Tx, run runRef, all []series) error {
	insert := tx.Insert("tracking_latest", []string{"run_num", "key", "value", "is_nan", "step", "at", "experiment_id"}, "ON CONFLICT (run_num, key)"+
		" DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, step = excluded.step, at = excluded.at"+
		" WHERE (excluded.step, excluded.at, excluded.value) > (tracking_latest.step, tracking_latest.at, tracking_latest.value)")
	for i := 0; i < len(all); { // series of one key follow each other
		latest, key := all[i].latest, all[i].key
		for i++; i < len(all) && all[i].key == key; i++ {
			if all[i].latest.later(latest) {
				latest = all[i].latest
			}
		}
		value := numberOf(latest.value)
		if err := insert.Row(ctx, run.num, key, value.value, value.isNaN, latest.step, latest.at, run.experiment); err != nil {
			return err
		}
	}
	_, err := insert.Flush(ctx)
	return err
}

// putModelLatest keeps the latest point of each series that measures a model.
func putModelLatest(ctx context.Context, tx *sqlstore.Tx, all []series) error {
	for _, s := range all {
		if s.model == "" {
			continue
		}
		value := numberOf(s.latest.value)
		_, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_series SET value = ?, is_nan = ?, step = ?, at = ?"+
			" WHERE num = ? AND (step, at, value) < (?, ?, ?)", value.value, value.isNaN, s.latest.step, s.latest.at,
			s.num, s.latest.step, s.latest.at, value.value))
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
