package tracking_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

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
		runs := randomRuns(t, db, store)
		rapid.Check(t, func(t *rapid.T) {
			filter := query.Filter(rapid.SliceOfN(comparisons, 0, 3).Draw(t, "filter"))
			order := rapid.SliceOfNDistinct(orders, 0, 3, func(o query.Order) string { return query.Order{Entity: o.Entity, Key: o.Key}.String() }).Draw(t, "order")
			request := &metadatav1.SearchRunsRequest{
				ExperimentIds: rapid.SampledFrom([][]string{{"0"}, {"0", "1"}, {"1"}}).Draw(t, "experiments"),
				View:          metadatav1.StageView(rapid.Int32Range(0, 3).Draw(t, "view")),
				Filter:        filter.String(), MaxResults: rapid.Int32Range(1, 9).Draw(t, "size"),
			}
			for _, by := range order {
				request.OrderBy = append(request.OrderBy, by.String())
			}
			looked := slices.DeleteFunc(slices.Clone(runs), func(run *metadatav1.TrackingRun) bool { return !inView(run, request) })
			got := searchAll(t, store, request)
			if want := oracle(looked, filter, order); !slices.Equal(got, want) {
				t.Errorf("%v found\n%v, want\n%v", request, got, want)
			}
		})
	})
}

// searchAll searches page by page.
func searchAll(t *rapid.T, store *tracking.Store, request *metadatav1.SearchRunsRequest) []string {
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

	comparisons = rapid.Custom(func(t *rapid.T) query.Comparison {
		c := query.Comparison{Entity: rapid.SampledFrom([]query.Entity{query.Attribute, query.Metric, query.Param, query.Tag, query.Dataset}).Draw(t, "entity")}
		c.Key = rapid.SampledFrom(names).Draw(t, "key")
		switch c.Entity {
		case query.Metric:
			c.Op = query.Op(rapid.IntRange(int(query.Equal), int(query.GreaterEqual)).Draw(t, "op"))
			c.Value = query.Number(rapid.SampledFrom(numbers[:7]).Draw(t, "number"))
			return c
		case query.Dataset:
			c.Key = rapid.SampledFrom([]string{"name", "digest", "context"}).Draw(t, "key")
			c.Op = rapid.SampledFrom([]query.Op{query.Equal, query.NotEqual, query.Like, query.ILike, query.In, query.NotIn}).Draw(t, "op")
		case query.Attribute:
			if rapid.Bool().Draw(t, "number") {
				return numeric(t)
			}
			c.Key = rapid.SampledFrom([]string{"run_name", "status", "user_id"}).Draw(t, "key")
			c.Op = rapid.SampledFrom([]query.Op{query.Equal, query.NotEqual, query.Like, query.ILike}).Draw(t, "op")
		default:
			c.Op = rapid.SampledFrom([]query.Op{query.Equal, query.NotEqual, query.Like, query.ILike, query.IsNull, query.IsNotNull}).Draw(t, "op")
		}
		switch c.Op {
		case query.In, query.NotIn:
			c.Value = query.List(rapid.SliceOfN(rapid.SampledFrom(texts), 1, 3).Draw(t, "list"))
		case query.IsNull, query.IsNotNull:
		case query.Like, query.ILike:
			c.Value = query.Text(rapid.StringOfN(rapid.SampledFrom([]rune("xXy%_[*é?]")), 0, 4, -1).Draw(t, "pattern"))
		default:
			c.Value = query.Text(rapid.SampledFrom(texts).Draw(t, "text"))
		}
		return c
	})

	orders = rapid.Custom(func(t *rapid.T) query.Order {
		entity := rapid.SampledFrom([]query.Entity{query.Attribute, query.Metric, query.Param, query.Tag}).Draw(t, "entity")
		key := rapid.SampledFrom(names).Draw(t, "key")
		if entity == query.Attribute {
			key = rapid.SampledFrom([]string{"run_name", "status", "user_id", "start_time", "end_time", "run_id", "artifact_uri"}).Draw(t, "key")
		}
		return query.Order{Entity: entity, Key: key, Descending: rapid.Bool().Draw(t, "descending")}
	})
)

// numeric is a comparison of a time.
func numeric(t *rapid.T) query.Comparison {
	c := query.Comparison{Key: rapid.SampledFrom([]string{"start_time", "end_time"}).Draw(t, "key")}
	c.Op = query.Op(rapid.IntRange(int(query.Equal), int(query.GreaterEqual)).Draw(t, "op"))
	c.Value = query.Whole(rapid.SampledFrom(times).Draw(t, "time"))
	if rapid.Bool().Draw(t, "fraction") {
		c.Value = query.Number(1999.5)
	}
	return c
}

// randomRuns makes 40 runs in two experiments.
func randomRuns(t *testing.T, db *sqlstore.DB, store *tracking.Store) []*metadatav1.TrackingRun {
	t.Helper()
	if _, err := store.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "other"}); err != nil {
		t.Fatal(err)
	}
	randomRun := rapid.Custom(drawRun)
	var runs []*metadatav1.TrackingRun
	for i := range 40 {
		drawn := randomRun.Example(i)
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

// drawRun makes up a run; names are missing here and there.
func drawRun(t *rapid.T) *metadatav1.TrackingRun {
	run := &metadatav1.TrackingRun{Info: &metadatav1.TrackingRunInfo{
		ExperimentId: rapid.SampledFrom([]string{"0", "0", "1"}).Draw(t, "experiment"),
		UserId:       rapid.SampledFrom(texts).Draw(t, "user"),
		StartTime:    rapid.SampledFrom(times).Draw(t, "start"),
		Status:       metadatav1.TrackingRunInfo_Status(rapid.Int32Range(1, 5).Draw(t, "status")),
	}}
	if rapid.Bool().Draw(t, "ended") {
		end := rapid.SampledFrom(times).Draw(t, "end")
		run.Info.EndTime = &end
	}
	for _, name := range names {
		text := func(what string) string { return rapid.SampledFrom(texts).Draw(t, what) }
		if rapid.IntRange(0, 3).Draw(t, "metric?") > 0 {
			run.Metrics = append(run.Metrics, &metadatav1.Metric{Key: name, Value: rapid.SampledFrom(numbers).Draw(t, "metric"), Timestamp: 1})
		}
		if rapid.IntRange(0, 2).Draw(t, "param?") > 0 {
			run.Params = append(run.Params, &metadatav1.Param{Key: name, Value: text("param")})
		}
		if rapid.IntRange(0, 2).Draw(t, "tag?") > 0 {
			run.Tags = append(run.Tags, &metadatav1.Tag{Key: name, Value: text("tag")})
		}
		if rapid.Bool().Draw(t, "dataset?") {
			in := &metadatav1.DatasetInput{Dataset: &metadatav1.Dataset{Name: text("name"), Digest: name}}
			if rapid.Bool().Draw(t, "context?") {
				in.Tags = []*metadatav1.Tag{{Key: "mlflow.data.context", Value: text("context")}, {Key: "other", Value: "x"}}
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
