package tracking_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/query"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// Whatever is searched for, all pages together are what looking at every run
// finds.
func TestSearchRunsFindsWhatThereIs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		store := tracking.New(db)
		d := drawer{rand.New(rand.NewPCG(1, 2))}
		runs := randomRuns(t, d, db, store)
		for i := range 240 {
			store.SetFew(1 + 1000*(i%2)) // so that every way to search is gone
			request := &metadatav1.SearchRunsRequest{
				ExperimentIds: pick(d, [][]string{{"0"}, {"0", "1"}, {"1"}}), View: metadatav1.StageView(d.IntN(4)), MaxResults: 1 + d.Int32N(15),
			}
			var filter query.Filter
			for range d.IntN(4) {
				filter = append(filter, d.comparison())
			}
			request.Filter = filter.String()
			order := d.orders()
			for _, by := range order {
				request.OrderBy = append(request.OrderBy, by.String())
			}
			looked := slices.DeleteFunc(slices.Clone(runs), func(run *metadatav1.TrackingRun) bool { return !inView(run, request) })
			want := oracle(looked, filter, order)
			if got := searchAll(t, store, request); !slices.Equal(got, want) {
				t.Fatalf("%v found\n%v, want\n%v", request, got, want)
			}
		}
	})
}

// searchAll searches page by page.
func searchAll(t *testing.T, store *tracking.Store, request *metadatav1.SearchRunsRequest) []string {
	t.Helper()
	ids := []string{}
	for {
		page, err := store.SearchRuns(t.Context(), request)
		if err != nil {
			t.Fatalf("%v: %v", request, err)
		}
		for _, run := range page.GetRuns() {
			ids = append(ids, run.GetInfo().GetRunId())
		}
		if page.GetNextPageToken() == "" {
			return ids
		}
		if len(page.GetRuns()) != int(request.GetMaxResults()) {
			t.Fatalf("%v: a page of %d has a next one", request, len(page.GetRuns()))
		}
		request.PageToken = page.GetNextPageToken()
	}
}

func inView(run *metadatav1.TrackingRun, request *metadatav1.SearchRunsRequest) bool {
	view, stage := request.GetView(), run.GetInfo().GetStage()
	if view == metadatav1.StageView_STAGE_VIEW_UNSPECIFIED {
		view = metadatav1.StageView_STAGE_VIEW_ACTIVE_ONLY
	}
	return slices.Contains(request.GetExperimentIds(), run.GetInfo().GetExperimentId()) &&
		(view == metadatav1.StageView_STAGE_VIEW_ALL || int32(view) == int32(stage))
}

// What runs have, and what is asked for.
var (
	names   = []string{"a", "b", "c"}
	numbers = []float64{-1, 0, 0.5, 1, 2, math.Inf(1), math.Inf(-1), math.NaN()}
	texts   = []string{"", "x", "X", "xy", "x%", "[x]", "é", "*"}
	times   = []int64{1000, 1000, 2000, 3000}
)

// drawer makes things up, each as likely as any other.
type drawer struct{ *rand.Rand }

func pick[T any](d drawer, from []T) T { return from[d.IntN(len(from))] }

// between is an operator from one to another.
func (d drawer) between(first, last query.Op) query.Op {
	return first + query.Op(d.IntN(int(last-first)+1))
}

func (d drawer) comparison() query.Comparison {
	c := query.Comparison{Entity: query.Entity(d.IntN(5)), Key: pick(d, names), Op: pick(d, []query.Op{query.Equal, query.NotEqual, query.Like, query.ILike})}
	switch c.Entity {
	case query.Metric:
		c.Op, c.Value = d.between(query.Equal, query.GreaterEqual), query.Number(pick(d, numbers[:7]))
		return c
	case query.Attribute:
		if d.IntN(2) == 0 {
			c.Key, c.Op = pick(d, []string{"start_time", "end_time"}), d.between(query.Equal, query.GreaterEqual)
			c.Value = pick(d, []query.Value{query.Whole(1000), query.Whole(2000), query.Number(1999.5)})
			return c
		}
		c.Key = pick(d, []string{"run_name", "status", "user_id"})
	case query.Dataset:
		c.Key, c.Op = pick(d, []string{"name", "digest", "context"}), pick(d, []query.Op{c.Op, query.In, query.NotIn})
	default:
		c.Op = pick(d, []query.Op{c.Op, c.Op, query.IsNull, query.IsNotNull})
	}
	c.Value = d.value(c.Op)
	return c
}

// value is what an operator compares a text with.
func (d drawer) value(op query.Op) query.Value {
	switch op {
	case query.In, query.NotIn:
		return query.List{pick(d, texts), pick(d, texts)}
	case query.IsNull, query.IsNotNull:
		return nil
	case query.Like, query.ILike:
		var pattern []rune
		for range d.IntN(4) {
			pattern = append(pattern, pick(d, []rune("xXy%%_[*é?]")))
		}
		return query.Text(pattern)
	}
	return query.Text(pick(d, texts))
}

// orders are up to three different things to sort by.
func (d drawer) orders() []query.Order {
	var orders []query.Order
	for range d.IntN(4) {
		by := query.Order{Entity: query.Entity(d.IntN(4)), Key: pick(d, names), Descending: d.IntN(2) == 0}
		if by.Entity == query.Attribute {
			by.Key = pick(d, []string{"run_name", "status", "user_id", "start_time", "end_time", "run_id", "artifact_uri"})
		}
		if !slices.ContainsFunc(orders, func(o query.Order) bool { return o.Entity == by.Entity && o.Key == by.Key }) {
			orders = append(orders, by)
		}
	}
	return orders
}

// randomRuns makes 40 runs in two experiments.
func randomRuns(t *testing.T, d drawer, db *sqlstore.DB, store *tracking.Store) []*metadatav1.TrackingRun {
	t.Helper()
	if _, err := store.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "other"}); err != nil {
		t.Fatal(err)
	}
	var runs []*metadatav1.TrackingRun
	for i := range 40 {
		drawn := d.run()
		run, err := store.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{
			ExperimentId: drawn.GetInfo().GetExperimentId(), UserId: drawn.GetInfo().GetUserId(), StartTime: drawn.GetInfo().GetStartTime(), Tags: drawn.GetTags(),
		})
		if err != nil {
			t.Fatal(err)
		}
		id := run.GetInfo().GetRunId()
		must(t)(store.LogBatch(t.Context(), &metadatav1.LogBatchRequest{RunId: id, Metrics: drawn.GetMetrics(), Params: drawn.GetParams()}))
		must(t)(store.UpdateRun(t.Context(), &metadatav1.UpdateTrackingRunRequest{RunId: id, Status: drawn.GetInfo().GetStatus(), EndTime: drawn.GetInfo().EndTime}))
		logDatasets(t, db, id, drawn)
		if i%7 == 0 {
			must(t)(store.SetRunStage(t.Context(), &metadatav1.SetRunStageRequest{RunId: id, Stage: metadatav1.Stage_STAGE_DELETED}))
		}
		run, err = store.GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: id})
		if err != nil {
			t.Fatal(err)
		}
		run.Metrics = drawn.GetMetrics() // what was logged, whatever became of it
		run.Params, run.DatasetInputs = drawn.GetParams(), drawn.GetDatasetInputs()
		runs = append(runs, run)
	}
	return runs
}

func must(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run makes up a run; names are missing here and there.
func (d drawer) run() *metadatav1.TrackingRun {
	run := &metadatav1.TrackingRun{Info: &metadatav1.TrackingRunInfo{
		ExperimentId: pick(d, []string{"0", "0", "1"}), UserId: pick(d, texts), StartTime: pick(d, times),
		Status: metadatav1.TrackingRunInfo_Status(1 + d.IntN(5)),
	}}
	if d.IntN(2) == 0 {
		run.Info.EndTime = proto.Int64(pick(d, times))
	}
	for _, name := range names {
		if d.IntN(4) > 0 {
			run.Metrics = append(run.Metrics, &metadatav1.Metric{Key: name, Value: pick(d, numbers), Timestamp: 1})
		}
		if d.IntN(3) > 0 {
			run.Params = append(run.Params, &metadatav1.Param{Key: name, Value: pick(d, texts)})
		}
		if d.IntN(3) > 0 {
			run.Tags = append(run.Tags, &metadatav1.Tag{Key: name, Value: pick(d, texts)})
		}
		if d.IntN(2) == 0 {
			in := &metadatav1.DatasetInput{Dataset: &metadatav1.Dataset{Name: pick(d, texts), Digest: name}}
			if d.IntN(2) == 0 {
				in.Tags = []*metadatav1.Tag{{Key: "mlflow.data.context", Value: pick(d, texts)}, {Key: "other", Value: "x"}}
			}
			run.DatasetInputs = append(run.DatasetInputs, in)
		}
	}
	return run
}

// logDatasets adds what a run reads.
func logDatasets(t *testing.T, db *sqlstore.DB, id string, drawn *metadatav1.TrackingRun) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqlstore.Tx) error {
		for _, in := range drawn.GetDatasetInputs() {
			if err := logDataset(t, tx, id, in); err != nil {
				return fmt.Errorf("dataset %v: %w", in, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func logDataset(t *testing.T, tx *sqlstore.Tx, id string, in *metadatav1.DatasetInput) error {
	var run, experiment, dataset int64
	if _, err := tx.Row(t.Context(), sqlstore.Q("SELECT num, experiment_id FROM tracking_runs WHERE run_id = ?", id), &run, &experiment); err != nil {
		return err
	}
	q := sqlstore.Q("INSERT INTO tracking_datasets (experiment_id, name, digest, source_type, source, schema, profile) VALUES").
		List(experiment, in.GetDataset().GetName(), in.GetDataset().GetDigest(), "", "", "", "").
		Add("ON CONFLICT (experiment_id, name, digest) DO UPDATE SET source = '' RETURNING num")
	if _, err := tx.Row(t.Context(), q, &dataset); err != nil {
		return err
	}
	if _, err := tx.Exec(t.Context(), sqlstore.Q("INSERT INTO tracking_inputs (run_num, dataset_num) VALUES").List(run, dataset)); err != nil {
		return err
	}
	for _, tag := range in.GetTags() {
		q := sqlstore.Q("INSERT INTO tracking_input_tags (run_num, dataset_num, key, value) VALUES").List(run, dataset, tag.GetKey(), tag.GetValue())
		if _, err := tx.Exec(t.Context(), q); err != nil {
			return err
		}
	}
	return nil
}
