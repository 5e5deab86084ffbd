package tracking

import (
	"cmp"
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// What a request for several histories may ask for.
const (
	maxHistories = 100  // runs
	maxSampled   = 2500 // points of each run
	maxCut       = 25_000
)

// GetMetricHistories returns the points of a metric of several runs: a sample of
// each, spread evenly over its points by step, of which the first and the last are
// always part; or, cut, the first points over all runs.
func (s *Store) GetMetricHistories(ctx context.Context, request *metadatav1.GetMetricHistoriesRequest) (*metadatav1.GetMetricHistoriesResponse, error) {
	if err := checkHistories(request); err != nil {
		return nil, err
	}
	response := new(metadatav1.GetMetricHistoriesResponse)
	err := s.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		histories, err := historiesOf(ctx, tx, request)
		if err != nil {
			return err
		}
		if request.GetCut() {
			response.Metrics, err = firstOf(ctx, tx, histories, cutTo(request.GetMaxResults(), maxCut))
			return err
		}
		response.Metrics = nil
		for _, h := range histories {
			points, err := h.sample(ctx, tx, request, cutTo(request.GetMaxResults(), maxSampled))
			if err != nil {
				return err
			}
			response.Metrics = append(response.Metrics, h.metrics(points)...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// cutTo is how many points a request gets: what it asks for, up to a limit.
func cutTo(asked int32, limit int) int {
	return min(cmp.Or(int(asked), limit), limit)
}

func checkHistories(request *metadatav1.GetMetricHistoriesRequest) error {
	what := "GetMetricHistoryBulkInterval request must specify at most %d run_ids. Received %d run_ids."
	if request.GetCut() {
		what = "GetMetricHistoryBulk request cannot specify more than %d run_ids. Received %d run_ids."
	}
	switch n := len(request.GetRunIds()); {
	case n > maxHistories:
		return invalid(what, maxHistories, n)
	case !request.GetCut() && request.GetMaxResults() > maxSampled:
		return invalid("max_results must be between 1 and %d.", maxSampled)
	case (request.StartStep == nil) != (request.EndStep == nil):
		return invalid("If either start step or end step are specified, both must be specified.")
	case request.StartStep != nil && request.GetStartStep() > request.GetEndStep():
		return invalid("end_step must be greater than start_step. Found start_step=%d and end_step=%d.", request.GetStartStep(), request.GetEndStep())
	}
	return nil
}

// historiesOf looks up the metric in its runs: in the order asked for, where each
// run has to be there; or, cut, in the order of ids, where those that are not there
// are left out.
func historiesOf(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.GetMetricHistoriesRequest) ([]history, error) {
	ids := slices.Clone(request.GetRunIds())
	if request.GetCut() {
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	var all []history
	for _, id := range ids {
		run, err := runByID(ctx, tx, namespaceOf(request), id)
		if fault.Is(err, fault.NotFound) && request.GetCut() {
			continue
		}
		if err != nil {
			return nil, err
		}
		h, err := historyOf(ctx, tx, run, request.GetMetricKey())
		if err != nil {
			return nil, err
		}
		if h.points != nil {
			h.named = true
			all = append(all, h)
		}
	}
	return all, nil
}

// firstOf reads points of one history after the other.
func firstOf(ctx context.Context, tx *sqlstore.Tx, histories []history, limit int) ([]*metadatav1.Metric, error) {
	var all []*metadatav1.Metric
	for _, h := range histories {
		if len(all) == limit {
			break
		}
		points, err := h.page(ctx, tx, nil, limit-len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, h.metrics(points)...)
	}
	return all, nil
}

// sample reads up to n points, by step, time and value, spread as ranks says.
func (h history) sample(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.GetMetricHistoriesRequest, n int) ([]point, error) {
	points := sqlstore.Q("FROM").Append(h.points)
	if request.StartStep != nil {
		points.Add("AND step BETWEEN ? AND ?", request.GetStartStep(), request.GetEndStep())
	}
	var total int
	if _, err := tx.Row(ctx, sqlstore.Q("SELECT COUNT(*)").Append(points), &total); err != nil {
		return nil, err
	}
	switch {
	case total <= n:
		return h.read(ctx, tx, sqlstore.Q("SELECT step, at, bits").Append(points).Add("ORDER BY step, at, bits"))
	case h.several || tx.Dialect() == sqlstore.Postgres:
		return h.number(ctx, tx, points, total, n)
	}
	return h.skipTo(ctx, tx, points, ranks(total, n))
}

// number reads the points whose ranks are those of ranks, in one statement.
func (h history) number(ctx context.Context, tx *sqlstore.Tx, points *sqlstore.Query, total, n int) ([]point, error) {
	small, larger := total/n, total%n
	edge := larger * (small + 1) // where the smaller groups begin
	q := sqlstore.Q("SELECT step, at, bits FROM (SELECT step, at, bits, ROW_NUMBER() OVER (ORDER BY step, at, bits) - 1 AS i").
		Append(points).Add(") numbered WHERE i < ? AND (i < ? AND i % ? = 0 OR i >= ? AND (i - ?) % ? = 0) OR i = ?",
		total-small, edge, small+1, edge, edge, small, total-1)
	return h.read(ctx, tx, q.Add("ORDER BY step, at, bits"))
}

// skipTo reads the points with some ranks, which ascend. Rows lie in the order of
// ranks, so skipping those between costs SQLite a fraction of numbering them.
func (h history) skipTo(ctx context.Context, tx *sqlstore.Tx, points *sqlstore.Query, ranks []int) ([]point, error) {
	sampled := make([]point, 0, len(ranks))
	next := 0 // rank of the first point after the last one that was read
	for _, rank := range ranks {
		q := sqlstore.Q("SELECT step, at, bits").Append(points)
		if len(sampled) > 0 {
			last := sampled[len(sampled)-1]
			q.Add("AND (step, at, bits) > (?, ?, ?)", last.step, last.at, sortable(last.value))
		}
		one, err := h.read(ctx, tx, q.Add("ORDER BY step, at, bits LIMIT 1 OFFSET ?", rank-next))
		if err != nil {
			return nil, err
		}
		sampled = append(sampled, one...)
		next = rank + 1
	}
	return sampled, nil
}

// ranks spreads n ranks over total points, more than n: the points fall into n
// groups of equal size, the larger ones first, of which each gives its first
// point, but the last group its last.
func ranks(total, n int) []int {
	spread := make([]int, n)
	small, larger := total/n, total%n // the size of a group, and how many have one more
	for i := range spread {
		spread[i] = i*small + min(i, larger)
	}
	spread[n-1] = total - 1
	return spread
}
