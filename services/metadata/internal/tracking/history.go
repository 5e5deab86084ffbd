package tracking

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// longestHistory is how many points one page has at most, whatever is asked for:
// an answer has to fit in a message.
const longestHistory = 100_000

// GetMetricHistory returns the points of a metric of a run, by time, step and
// value.
func (s *Store) GetMetricHistory(ctx context.Context, request *metadatav1.GetMetricHistoryRequest) (*metadatav1.GetMetricHistoryResponse, error) {
	h, points, next, err := s.pageOfHistory(ctx, request)
	if err != nil {
		return nil, err
	}
	return &metadatav1.GetMetricHistoryResponse{Metrics: h.metrics(points), NextPageToken: next}, nil
}

// pointsAtOnce is how many points a piece of a history has.
const pointsAtOnce = 1000

// StreamMetricHistory is GetMetricHistory in pieces, the token with the last.
// Between pieces it holds nothing of the database.
func (s *Store) StreamMetricHistory(ctx context.Context, request *metadatav1.GetMetricHistoryRequest, send func(*metadatav1.GetMetricHistoryResponse) error) error {
	h, points, next, err := s.pageOfHistory(ctx, request)
	if err != nil {
		return err
	}
	for len(points) > pointsAtOnce {
		if err := send(&metadatav1.GetMetricHistoryResponse{Metrics: h.metrics(points[:pointsAtOnce])}); err != nil {
			return err
		}
		points = points[pointsAtOnce:]
	}
	return send(&metadatav1.GetMetricHistoryResponse{Metrics: h.metrics(points), NextPageToken: next})
}

// pageOfHistory reads a page of a history, and the token of the next.
func (s *Store) pageOfHistory(ctx context.Context, request *metadatav1.GetMetricHistoryRequest) (h history, page []point, next string, err error) {
	limit := longestHistory
	if n := int(request.GetMaxResults()); n > 0 {
		limit = min(n, longestHistory)
	}
	after, err := parsePosition(request.GetPageToken())
	if err != nil {
		return h, nil, "", err
	}
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		page = nil
		run, err := runByID(ctx, tx, namespaceOf(request), request.GetRunId())
		if err != nil {
			return err
		}
		if h, err = historyOf(ctx, tx, run, request.GetMetricKey()); err != nil || h.points == nil {
			return err
		}
		if after == nil && limit == longestHistory {
			if page, err = h.whole(ctx, tx, limit); err != nil || page != nil {
				return err
			}
		}
		page, err = h.page(ctx, tx, after, limit+1)
		return err
	})
	if len(page) > limit {
		page, next = page[:limit], positionOf(page[limit-1])
	}
	return h, page, next, err
}

// history is a metric of a run.
type history struct {
	run     *runRow
	key     string
	points  *sqlstore.Query // what follows FROM, up to a condition: rows of step, at and bits; nil when there are none
	several bool            // whether points come from several series
	named   bool            // whether points say which run they belong to
}

// historyOf looks up a metric of a run. A point that was measured on several
// models is there once.
func historyOf(ctx context.Context, tx *sqlstore.Tx, run *runRow, key string) (history, error) {
	h := history{run: run, key: key}
	var nums []any
	q := sqlstore.Q("SELECT num FROM tracking_series WHERE run_num = ? AND key = ?", run.num, key)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		var num int64
		err := scan(&num)
		nums = append(nums, num)
		return err
	})
	switch {
	case err != nil || len(nums) == 0:
	case len(nums) == 1:
		h.points = sqlstore.Q("tracking_points WHERE series_num = ?", nums[0])
	default:
		h.several = true
		h.points = sqlstore.Q("(SELECT DISTINCT step, at, bits FROM tracking_points WHERE series_num IN").List(nums...).Add(") several WHERE 1 = 1")
	}
	return h, err
}

// page reads points in the order of MLflow's history.
func (h history) page(ctx context.Context, tx *sqlstore.Tx, after *point, limit int) ([]point, error) {
	q := sqlstore.Q("SELECT step, at, bits FROM").Append(h.points)
	if after != nil {
		q.Add("AND (at, step, bits) > (?, ?, ?)", after.at, after.step, sortable(after.value))
	}
	return h.read(ctx, tx, q.Add("ORDER BY at, step, bits LIMIT ?", limit))
}

// whole reads all points in the order of MLflow's history, or nothing when there
// are more than limit. Rows lie in nearly that order, so sorting them here costs
// less than in the database.
func (h history) whole(ctx context.Context, tx *sqlstore.Tx, limit int) ([]point, error) {
	points, err := h.read(ctx, tx, sqlstore.Q("SELECT step, at, bits FROM").Append(h.points).Add("ORDER BY step, at, bits LIMIT ?", limit+1))
	if err != nil || len(points) > limit {
		return nil, err
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step), cmp.Compare(sortable(a.value), sortable(b.value)))
	})
	return points, nil
}

// read reads the rows of a query for step, at and bits.
func (h history) read(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]point, error) {
	var points []point
	var p point
	var bits int64
	into := []any{&p.step, &p.at, &bits}
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		err := scan(into...)
		p.value = unsortable(bits)
		if len(points) == cap(points) { // by more than append would, which leaves more behind
			points = slices.Grow(points, max(64, len(points)))
		}
		points = append(points, p)
		return err
	})
	return points, err
}

// metrics is points as they are told, one after the other in memory.
func (h history) metrics(points []point) []*metadatav1.Metric {
	run := ""
	if h.named {
		run = h.run.info.GetRunId()
	}
	metrics, all := make([]*metadatav1.Metric, len(points)), make([]metadatav1.Metric, len(points))
	for i, p := range points {
		m := &all[i]
		m.Key, m.RunId, m.Step, m.Timestamp, m.Value = h.key, run, p.step, p.at, p.value
		metrics[i] = m
	}
	return metrics
}

// positionOf is the page token for what follows a point.
func positionOf(p point) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d", p.at, p.step, sortable(p.value)))
}

// parsePosition undoes positionOf; the empty token is nil.
func parsePosition(token string) (*point, error) {
	if token == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, invalid("Invalid page token, could not base64-decode")
	}
	p := new(point)
	var bits int64
	if _, err := fmt.Sscanf(string(text), "%d %d %d", &p.at, &p.step, &bits); err != nil {
		return nil, invalid("Invalid page token, parsed value=%s", quotePython(string(text)))
	}
	p.value = unsortable(bits)
	return p, nil
}
