package tracking

import (
	"context"
	"fmt"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// runSubject is runs: the table tracking_runs as r.
var runSubject = subject{
	num: "r.num",
	attributes: map[string]column{
		"run_id":       {value: "r.run_id", kind: text},
		"run_name":     {value: "r.name", kind: text},
		"user_id":      {value: "r.user_id", kind: text},
		"status":       {value: "r.status", kind: text},
		"artifact_uri": {value: "r.artifact_uri", kind: text},
		"start_time":   {value: "r.started_at"},
		"end_time":     {value: "r.ended_at", nullable: true},
	},
	params:  runParams,
	tags:    runTags,
	metrics: "tracking_latest m WHERE m.run_num = r.num",
}

// SearchRuns returns a page of the runs of some experiments, in one snapshot.
func (s *Store) SearchRuns(ctx context.Context, request *metadatav1.SearchRunsRequest) (*metadatav1.SearchRunsResponse, error) {
	search, err := newRunSearch(s.db.Dialect(), request)
	if err != nil {
		return nil, err
	}
	response := new(metadatav1.SearchRunsResponse)
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		nums, next, err := search.find(ctx, tx, s.few)
		if err != nil {
			return err
		}
		response.NextPageToken = next
		response.Runs, err = loadRuns(ctx, tx, nums)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// runsAtOnce is how many runs a piece of a page has.
const runsAtOnce = 100

// StreamRuns is SearchRuns in pieces, the token with the last. Between pieces it
// holds nothing of the database.
func (s *Store) StreamRuns(ctx context.Context, request *metadatav1.SearchRunsRequest, send func(*metadatav1.SearchRunsResponse) error) error {
	search, err := newRunSearch(s.db.Dialect(), request)
	if err != nil {
		return err
	}
	var nums []int64
	var next string
	piece := new(metadatav1.SearchRunsResponse)
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		nums, next, err = search.find(ctx, tx, s.few)
		if err == nil { // the first piece, which mostly is the last, in the same snapshot
			piece.Runs, err = loadRuns(ctx, tx, nums[:min(runsAtOnce, len(nums))])
		}
		return err
	})
	for err == nil && len(nums) > runsAtOnce {
		nums = nums[runsAtOnce:]
		if err = send(piece); err == nil {
			piece, err = s.piece(ctx, nums[:min(runsAtOnce, len(nums))])
		}
	}
	if err != nil {
		return err
	}
	piece.NextPageToken = next
	return send(piece)
}

// piece reads some runs.
func (s *Store) piece(ctx context.Context, nums []int64) (*metadatav1.SearchRunsResponse, error) {
	piece := new(metadatav1.SearchRunsResponse)
	err := s.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		piece.Runs, err = loadRuns(ctx, tx, nums)
		return err
	})
	return piece, err
}

// runSearch is a request for runs, understood.
type runSearch struct {
	dialect     sqlstore.Dialect
	namespace   string
	token       string
	experiments []int64
	stages      []string
	filter      query.Filter
	order       []query.Order
	size        int
	fingerprint string
}

func newRunSearch(dialect sqlstore.Dialect, request *metadatav1.SearchRunsRequest) (*runSearch, error) {
	s := &runSearch{
		dialect: dialect, namespace: namespaceOf(request), token: request.GetPageToken(), stages: stagesOf(request.GetView()),
	}
	var err error
	if s.size, err = pageSize(request.GetMaxResults(), defaultPage); err != nil {
		return nil, err
	}
	if s.filter, err = query.Parse(query.Runs, request.GetFilter()); err != nil {
		return nil, err
	}
	if s.order, err = query.ParseOrder(query.Runs, request.GetOrderBy()); err != nil {
		return nil, err
	}
	if s.experiments, err = parseExperimentIDs(request.GetExperimentIds()); err != nil {
		return nil, err
	}
	s.fingerprint = fingerprint("runs", s.namespace, s.experiments, s.stages, s.filter.String(), s.order)
	return s, nil
}

// find returns the numbers of a page of runs, and the token of the next.
func (s *runSearch) find(ctx context.Context, tx *sqlstore.Tx, few int) (nums []int64, next string, err error) {
	experiments, err := experimentsIn(ctx, tx, s.namespace, s.experiments)
	if err != nil || len(experiments) == 0 {
		return nil, "", err
	}
	from, err := parseBookmark(s.token, s.fingerprint)
	if err == nil && s.token == "" {
		from.Driver, err = s.driver(ctx, tx, experiments, few)
	}
	if err != nil {
		return nil, "", err
	}
	if from.Driver < 0 || from.Driver > len(s.filter) || from.Driver > 0 && !drives(s.filter[from.Driver-1]) {
		return nil, "", notABookmark()
	}
	segments := s.segments(experiments, from.Driver)
	if err := from.check(segments); err != nil {
		return nil, "", err
	}
	return find(ctx, tx, runSubject.num, segments, from, s.size)
}

// fewRuns is how many runs a comparison may let pass at most for a search to begin
// with them. Where it lets more pass, enough of what a search looks at in any
// order will.
const fewRuns = 1000

// driver is the place, from 1, of a comparison in the filter that less than few
// runs pass, or 0. The index of metrics tells without looking at more of them.
func (s *runSearch) driver(ctx context.Context, tx *sqlstore.Tx, experiments []int64, few int) (int, error) {
	for i, c := range s.filter {
		if !drives(c) {
			continue
		}
		q := s.having(sqlstore.Q("SELECT COUNT(*) FROM (SELECT 1 AS one FROM tracking_latest m WHERE"), experiments, c.Key, hasValue)
		var n int
		if _, err := tx.Row(ctx, q.Add("AND").Append(metricValue(s.dialect, c)).Add("LIMIT ?) passing", few), &n); err != nil {
			return 0, err
		}
		if n < few {
			return i + 1, nil
		}
	}
	return 0, nil
}

// drives reports whether a comparison is one that the index of metrics answers.
func drives(c query.Comparison) bool { return c.Entity == query.Metric && c.Op != query.NotEqual }

// having appends the condition that the metric m is one of the experiments' and
// of a class, as its index has them.
func (s *runSearch) having(q *sqlstore.Query, experiments []int64, key string, class int) *sqlstore.Query {
	return oneOf(q, "m.experiment_id", experiments).Add("AND m.key = ? AND m.is_nan = ?", key, class == isNaN)
}

// segments are the runs that are searched for, in their order. Where few runs
// pass a comparison they are sorted; else, where they are to be sorted by a metric
// first, its index has them in order: those that have a number are one segment,
// those that have NaN another, and those that have nothing a third.
func (s *runSearch) segments(experiments []int64, driver int) []segment {
	switch {
	case driver > 0:
		return []segment{s.few(experiments, driver-1)}
	case len(s.order) == 0 || s.order[0].Entity != query.Metric:
		return []segment{s.plain(experiments, s.order)}
	}
	first := s.order[0]
	without := s.plain(experiments, s.order[1:])
	without.where.Add("AND NOT EXISTS (SELECT 1 FROM tracking_latest m WHERE m.run_num = r.num AND m.key = ?)", first.Key)
	return []segment{s.byMetric(experiments, first, hasValue), s.byMetric(experiments, first, isNaN), without}
}

// few is the runs that pass the comparison at a place in the filter.
func (s *runSearch) few(experiments []int64, at int) segment {
	seg := segment{from: sqlstore.Q("tracking_latest m CROSS JOIN tracking_runs r")} // as it is written: SQLite takes the metric first
	seg.where = s.having(new(sqlstore.Query), experiments, s.filter[at].Key, hasValue).Add("AND r.num = m.run_num AND")
	oneOf(seg.where, "r.stage", s.stages).Add("AND").Append(metricValue(s.dialect, s.filter[at]))
	runSubject.where(seg.where, s.dialect, slices.Delete(slices.Clone(s.filter), at, at+1))
	s.sort(&seg, s.order)
	return seg
}

// plain is all runs that pass.
func (s *runSearch) plain(experiments []int64, order []query.Order) segment {
	seg := segment{from: sqlstore.Q("tracking_runs r")}
	seg.where = oneOf(oneOf(new(sqlstore.Query), "r.experiment_id", experiments).Add("AND"), "r.stage", s.stages)
	runSubject.where(seg.where, s.dialect, s.filter)
	s.sort(&seg, order)
	return seg
}

// byMetric is the runs that have a metric of a class.
func (s *runSearch) byMetric(experiments []int64, first query.Order, class int) segment {
	seg := segment{from: sqlstore.Q("tracking_latest m CROSS JOIN tracking_runs r")} // as it is written: SQLite takes the metric first
	seg.where = s.having(new(sqlstore.Query), experiments, first.Key, class).Add("AND r.num = m.run_num AND")
	oneOf(seg.where, "r.stage", s.stages)
	for _, c := range s.filter {
		if seg.where.Add("AND"); c.Entity == query.Metric && c.Key == first.Key {
			seg.where.Append(metricValue(s.dialect, c))
		} else {
			seg.where.Append(runSubject.condition(s.dialect, c))
		}
	}
	if class == hasValue {
		seg.terms = append(seg.terms, term{value: "m.value", kind: float, descending: first.Descending})
	}
	s.sort(&seg, s.order[1:])
	return seg
}

// sort adds what runs are sorted by, at last by start, the newest first, and id.
func (s *runSearch) sort(seg *segment, order []query.Order) {
	for i, by := range order {
		seg.terms = append(seg.terms, runTerm(seg, fmt.Sprintf("o%d", i), by))
	}
	byKey := func(key string) func(query.Order) bool {
		return func(o query.Order) bool { return o.Entity == query.Attribute && o.Key == key }
	}
	if !slices.ContainsFunc(s.order, byKey("start_time")) {
		seg.terms = append(seg.terms, runSubject.attributes["start_time"].term(true))
	}
	if !slices.ContainsFunc(s.order, byKey("run_id")) {
		seg.terms = append(seg.terms, runSubject.attributes["run_id"].term(false))
	}
}

// runTerm is what runs are sorted by, for which a table may have to be joined.
func runTerm(seg *segment, alias string, by query.Order) term {
	if by.Entity == query.Attribute {
		return runSubject.attributes[by.Key].term(by.Descending)
	}
	t := term{value: alias + ".value", kind: text, descending: by.Descending}
	table := map[query.Entity]string{query.Metric: "tracking_latest", query.Param: runParams.table, query.Tag: runTags.table}[by.Entity]
	seg.from.Add("LEFT JOIN "+table+" "+alias+" ON "+alias+".run_num = r.num AND "+alias+".key = ?", by.Key)
	if t.class = missingClass(t.value); by.Entity == query.Metric {
		t.class, t.kind = nanClass(alias), float
	}
	return t
}

// stagesOf are the stages of a view.
func stagesOf(view metadatav1.StageView) []string {
	switch view {
	case metadatav1.StageView_STAGE_VIEW_DELETED_ONLY:
		return []string{deleted}
	case metadatav1.StageView_STAGE_VIEW_ALL:
		return []string{active, deleted}
	}
	return []string{active}
}

// maxExperiments is how many experiments one search looks in at most.
const maxExperiments = 10_000

// parseExperimentIDs reads ids, and each only once.
func parseExperimentIDs(ids []string) ([]int64, error) {
	parsed := make([]int64, len(ids))
	for i, id := range ids {
		var err error
		if parsed[i], err = parseExperimentID(id); err != nil {
			return nil, err
		}
	}
	slices.Sort(parsed)
	if parsed = slices.Compact(parsed); len(parsed) > maxExperiments {
		return nil, invalid("Invalid experiment_ids: there are %d; at most %d are allowed", len(parsed), maxExperiments)
	}
	return parsed, nil
}

// experimentsIn returns those of some experiments that are in a namespace. 0 is
// its default one.
func experimentsIn(ctx context.Context, tx *sqlstore.Tx, namespace string, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := sqlstore.Q("SELECT id FROM tracking_experiments WHERE namespace = ? AND (id IN", namespace).List(boxed(ids)...)
	if ids[0] == 0 && namespace != defaultNamespace {
		q.Add("OR name = ?", defaultExperiment)
	}
	var found []int64
	err := tx.Rows(ctx, q.Add(") ORDER BY id"), func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		found = append(found, id)
		return err
	})
	return found, err
}
