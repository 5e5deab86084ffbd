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
	limit := longestHistory
	if n := int(request.GetMaxResults()); n > 0 {
		limit = min(n, longestHistory)
	}
	after, err := parsePosition(request.GetPageToken())
	if err != nil {
		return nil, err
	}
	var page []*metadatav1.Metric
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		run, err := runByID(ctx, tx, namespaceOf(request), request.GetRunId())
		if err != nil {
			return err
		}
		h, err := historyOf(ctx, tx, run, request.GetMetricKey())
		if err != nil || h.points == nil {
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
	if err != nil {
		return nil, err
	}
	response := &metadatav1.GetMetricHistoryResponse{Metrics: page}
	if len(page) > limit {
		response.Metrics = page[:limit]
		response.NextPageToken = positionOf(page[limit-1])
	}
	return response, nil
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
func (h history) page(ctx context.Context, tx *sqlstore.Tx, after *metadatav1.Metric, limit int) ([]*metadatav1.Metric, error) {
	q := sqlstore.Q("SELECT step, at, bits FROM").Append(h.points)
	if after != nil {
		q.Add("AND (at, step, bits) > (?, ?, ?)", after.GetTimestamp(), after.GetStep(), sortable(after.GetValue()))
	}
	return h.read(ctx, tx, q.Add("ORDER BY at, step, bits LIMIT ?", limit))
}

// whole reads all points in the order of MLflow's history, or nothing when there
// are more than limit. Rows lie in nearly that order, so sorting them here costs
// less than in the database.
func (h history) whole(ctx context.Context, tx *sqlstore.Tx, limit int) ([]*metadatav1.Metric, error) {
	points, err := h.read(ctx, tx, sqlstore.Q("SELECT step, at, bits FROM").Append(h.points).Add("ORDER BY step, at, bits LIMIT ?", limit+1))
	if err != nil || len(points) > limit {
		return nil, err
	}
	slices.SortFunc(points, func(a, b *metadatav1.Metric) int {
		return cmp.Or(cmp.Compare(a.GetTimestamp(), b.GetTimestamp()), cmp.Compare(a.GetStep(), b.GetStep()),
			cmp.Compare(sortable(a.GetValue()), sortable(b.GetValue())))
	})
	return points, nil
}

// read reads the rows of a query for step, at and bits.
func (h history) read(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.Metric, error) {
	run := ""
	if h.named {
		run = h.run.info.GetRunId()
	}
	var points []*metadatav1.Metric
	var bits int64
	into := []any{nil, nil, &bits}
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		m := &metadatav1.Metric{Key: h.key, RunId: run}
		into[0], into[1] = &m.Step, &m.Timestamp
		err := scan(into...)
		m.Value = unsortable(bits)
		points = append(points, m)
		return err
	})
	return points, err
}

// positionOf is the page token for what follows a point.
func positionOf(m *metadatav1.Metric) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d", m.GetTimestamp(), m.GetStep(), sortable(m.GetValue())))
}

// parsePosition undoes positionOf; the empty token is nil.
func parsePosition(token string) (*metadatav1.Metric, error) {
	if token == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, invalid("Invalid page token, could not base64-decode")
	}
	m := new(metadatav1.Metric)
	var bits int64
	if _, err := fmt.Sscanf(string(text), "%d %d %d", &m.Timestamp, &m.Step, &bits); err != nil {
		return nil, invalid("Invalid page token, parsed value=%s", quotePython(string(text)))
	}
	m.Value = unsortable(bits)
	return m, nil
}
