package tracking_test

import (
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// names searches for experiments page by page and returns their names.
func (s *store) names(request *metadatav1.SearchExperimentsRequest) string {
	s.t.Helper()
	var names []string
	for {
		page, err := s.SearchExperiments(s.t.Context(), request)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range page.GetExperiments() {
			names = append(names, e.GetName())
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return strings.Join(names, " ")
		}
	}
}

func TestSearchExperiments(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		b, a := s.experiment("", "b"), s.experiment("", "a")
		s.experiment("", "Ab")
		s.experiment("elsewhere", "x")
		if err := s.setStage(b.GetExperimentId(), metadatav1.Stage_STAGE_DELETED); err != nil {
			t.Fatal(err)
		}
		must(t)(s.SetExperimentTags(t.Context(), &metadatav1.SetExperimentTagsRequest{
			ExperimentId: a.GetExperimentId(), Tags: []*metadatav1.Tag{{Key: "team", Value: "Red"}},
		}))
		tests := []struct {
			name    string
			request *metadatav1.SearchExperimentsRequest
			want    string
		}{
			{"by name", &metadatav1.SearchExperimentsRequest{OrderBy: []string{"name"}}, "Ab Default a"},
			{"by name, the last first", &metadatav1.SearchExperimentsRequest{OrderBy: []string{"name DESC"}}, "a Default Ab"},
			{"by id", &metadatav1.SearchExperimentsRequest{OrderBy: []string{"experiment_id"}}, "Default a Ab"},
			{"deleted", &metadatav1.SearchExperimentsRequest{View: metadatav1.StageView_STAGE_VIEW_DELETED_ONLY}, "b"},
			{"all", &metadatav1.SearchExperimentsRequest{View: metadatav1.StageView_STAGE_VIEW_ALL, OrderBy: []string{"name"}}, "Ab Default a b"},
			{"elsewhere", &metadatav1.SearchExperimentsRequest{Namespace: "elsewhere"}, "x"},
			{"like", &metadatav1.SearchExperimentsRequest{Filter: "name LIKE 'a%'"}, "a"},
			{"ilike", &metadatav1.SearchExperimentsRequest{Filter: "name ILIKE 'a%'", OrderBy: []string{"name"}}, "Ab a"},
			{"tag", &metadatav1.SearchExperimentsRequest{Filter: "tags.team = 'Red'"}, "a"},
			{"no tag", &metadatav1.SearchExperimentsRequest{Filter: "tags.team IS NULL AND name != 'Ab'"}, "Default"},
			{"id", &metadatav1.SearchExperimentsRequest{Filter: "experiment_id = '0'"}, "Default"},
			{"ids", &metadatav1.SearchExperimentsRequest{Filter: "experiment_id NOT IN ('0', '" + a.GetExperimentId() + "')"}, "Ab"},
			{"time", &metadatav1.SearchExperimentsRequest{Filter: "creation_time > 9000000000000"}, ""},
		}
		for _, test := range tests {
			for _, size := range []int32{0, 1, 2} {
				request := proto.CloneOf(test.request)
				request.MaxResults = size
				if got := s.names(request); got != test.want {
					t.Errorf("%s, in pages of %d: %q, want %q", test.name, size, got, test.want)
				}
			}
		}
	})
}

// models searches for models page by page and returns their names.
func (s *store) models(request *metadatav1.SearchLoggedModelsRequest) string {
	s.t.Helper()
	var names []string
	for {
		page, err := s.SearchModels(s.t.Context(), request)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, m := range page.GetModels() {
			names = append(names, m.GetName())
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return strings.Join(names, " ")
		}
	}
}

func TestSearchModels(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run := s.run()
		for _, name := range []string{"a", "b", "c", "gone"} {
			model, err := s.CreateModel(t.Context(), &metadatav1.CreateLoggedModelRequest{
				ExperimentId: "0", Name: name, SourceRunId: run, Params: []*metadatav1.Param{{Key: "lr", Value: "0." + name}}, Tags: []*metadatav1.Tag{{Key: "k", Value: name}},
			})
			if err != nil {
				t.Fatal(err)
			}
			id := model.GetModelId()
			switch name {
			case "a":
				s.log(run, &metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{
					{Key: "loss", Value: 1, Timestamp: 1, ModelId: id, DatasetName: "train", DatasetDigest: "1"},
					{Key: "loss", Value: 5, Timestamp: 2, ModelId: id, DatasetName: "test", DatasetDigest: "1"},
				}})
			case "b":
				s.log(run, &metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{{Key: "loss", Value: 3, Timestamp: 1, ModelId: id, DatasetName: "train", DatasetDigest: "2"}}})
				must(t)(s.FinalizeModel(t.Context(), &metadatav1.FinalizeLoggedModelRequest{ModelId: id, Status: metadatav1.LoggedModel_STATUS_READY}))
			case "gone":
				must(t)(s.DeleteModel(t.Context(), &metadatav1.DeleteLoggedModelRequest{ModelId: id}))
			}
		}
		type order = metadatav1.SearchLoggedModelsRequest_ModelOrder
		type dataset = metadatav1.SearchLoggedModelsRequest_MetricDataset
		byName := []*order{{FieldName: "name"}}
		tests := []struct {
			name     string
			filter   string
			datasets []*dataset
			order    []*order
			want     string
		}{
			{"all", "", nil, byName, "a b c"},
			{"the last first", "", nil, []*order{{FieldName: "name", Ascending: proto.Bool(false)}}, "c b a"},
			{"param", "params.lr = '0.b'", nil, byName, "b"},
			{"tags", "tags.k IN ('a', 'c', 'gone')", nil, byName, "a c"},
			{"status", "status = 'READY'", nil, byName, "b"},
			{"run", "source_run_id = '" + run + "' AND name != 'b'", nil, byName, "a c"},
			{"metric on any dataset", "metrics.loss > 4", nil, byName, "a"},
			{"metric on a dataset", "metrics.loss > 0", []*dataset{{Name: "train"}}, byName, "a b"},
			{"metric on one of two", "metrics.loss > 2", []*dataset{{Name: "train", Digest: "1"}, {Name: "test"}}, byName, "a"},
			{"any metric on a dataset", "", []*dataset{{Name: "train", Digest: "2"}}, byName, "b"},
			{"by the latest metric", "", nil, []*order{{FieldName: "metrics.loss"}}, "b a c"},
			{"by a metric on a dataset", "", nil, []*order{{FieldName: "metrics.loss", DatasetName: "train"}}, "a b c"},
			{"by a metric on a dataset, the greatest first", "", nil, []*order{{FieldName: "metrics.loss", DatasetName: "train", Ascending: proto.Bool(false)}}, "b a c"},
			{"time", "creation_time > 9000000000000.5", nil, byName, ""},
		}
		for _, test := range tests {
			for _, size := range []int32{0, 1, 2} {
				request := &metadatav1.SearchLoggedModelsRequest{
					ExperimentIds: []string{"0"}, Filter: test.filter, Datasets: test.datasets, OrderBy: test.order, MaxResults: size,
				}
				if got := s.models(request); got != test.want {
					t.Errorf("%s, in pages of %d: %q, want %q", test.name, size, got, test.want)
				}
			}
		}
	})
}

func TestSearchModelsRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		type order = metadatav1.SearchLoggedModelsRequest_ModelOrder
		tests := map[string]*metadatav1.SearchLoggedModelsRequest{
			"`dataset_name` in the `datasets` clause must be specified.": {Datasets: []*metadatav1.SearchLoggedModelsRequest_MetricDataset{{Digest: "1"}}},
			"Invalid order by field name: params.lr":                     {OrderBy: []*order{{FieldName: "params.lr"}}},
			"Invalid order by field name: color":                         {OrderBy: []*order{{FieldName: "color"}}},
			"Invalid order by field name: name DESC":                     {OrderBy: []*order{{FieldName: "name DESC"}}},
			"`dataset_digest` can only be specified":                     {OrderBy: []*order{{FieldName: "metrics.a", DatasetDigest: "1"}}},
			"Invalid filter string":                                      {Filter: "name = 'x' OR name = 'y'"},
		}
		for want, request := range tests {
			request.ExperimentIds = []string{"0"}
			_, err := s.SearchModels(t.Context(), request)
			if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v: %v, want %q", request, err, want)
			}
		}
	})
}

func TestSearchRunsRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		s.run()
		s.run()
		page, err := s.SearchRuns(t.Context(), &metadatav1.SearchRunsRequest{ExperimentIds: []string{"0"}, MaxResults: 1})
		if err != nil || page.GetNextPageToken() == "" {
			t.Fatal(page, err)
		}
		tests := map[string]*metadatav1.SearchRunsRequest{
			"Invalid value -1 for parameter 'max_results' supplied. It must be a positive integer":  {MaxResults: -1},
			"Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000":    {MaxResults: 50001},
			"Invalid page token, could not base64-decode":                                           {PageToken: "not base64"},
			"Invalid page token, it was not given by a search":                                      {PageToken: "bm90IGpzb24"},
			"Invalid page token, it belongs to a search with other experiments, another filter":     {PageToken: page.GetNextPageToken(), Filter: "metrics.a > 1"},
			"Invalid page token, it belongs to a search with other experiments, another filter or ": {PageToken: page.GetNextPageToken(), OrderBy: []string{"metrics.a"}},

			"Invalid experiment ID 'x'": {ExperimentIds: []string{"x"}},

			"Invalid clause(s) in filter string: 'OR' (character 17 of the filter)": {Filter: "metrics.a > 0.1 OR metrics.b > 1"},
		}
		for want, request := range tests {
			request.ExperimentIds = append(request.ExperimentIds, "0")
			_, err := s.SearchRuns(t.Context(), request)
			if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v: %v, want %q", request, err, want)
			}
		}
	})
}

// Runs of another namespace are not found, whatever id is given.
func TestSearchRunsKeepsToItsNamespace(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		here := s.run()
		other := s.experiment("elsewhere", "x").GetExperimentId()
		there, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{Namespace: "elsewhere", ExperimentId: other})
		if err != nil {
			t.Fatal(err)
		}
		for namespace, want := range map[string]string{"": here, "elsewhere": there.GetInfo().GetRunId()} {
			page, err := s.SearchRuns(t.Context(), &metadatav1.SearchRunsRequest{Namespace: namespace, ExperimentIds: []string{"0", other, "12345"}})
			if err != nil || len(page.GetRuns()) != 1 || page.GetRuns()[0].GetInfo().GetRunId() != want {
				t.Errorf("namespace %q: %v, %v; want %s alone", namespace, page, err, want)
			}
		}
		page, err := s.SearchRuns(t.Context(), &metadatav1.SearchRunsRequest{})
		if err != nil || len(page.GetRuns()) != 0 {
			t.Errorf("no experiments: %v, %v; want nothing", page, err)
		}
	})
}

// A page goes on where the one before ended, whatever came or changed meanwhile.
func TestPagesNeitherRepeatNorHide(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		start := func(at int64) string {
			run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{StartTime: at})
			if err != nil {
				t.Fatal(err)
			}
			return run.GetInfo().GetRunId()
		}
		want := map[string]bool{}
		for at := range int64(5) {
			want[start(at+1)] = true
		}
		request := &metadatav1.SearchRunsRequest{ExperimentIds: []string{"0"}, MaxResults: 2, OrderBy: []string{"metrics.a"}}
		for {
			page, err := s.SearchRuns(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range page.GetRuns() {
				if !want[run.GetInfo().GetRunId()] {
					t.Errorf("%s was found twice, or came later", run.GetInfo().GetRunId())
				}
				delete(want, run.GetInfo().GetRunId())
			}
			start(1000) // before what was seen
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		if len(want) > 0 {
			t.Errorf("not found: %v", want)
		}
	})
}

// A token that was made up is refused or is a place, and breaks nothing.
func FuzzPageToken(f *testing.F) {
	f.Add(0, 0, "f1", "i2", "i3", "tx")
	f.Add(1, 0, "c2", "c2", "i3", "tx")
	f.Add(-1, 2, "fInf", "i2", "", "t")
	db, err := sqlstore.Open(f.Context(), "sqlite://"+filepath.Join(f.TempDir(), "test.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	store := tracking.New(db)
	f.Fuzz(func(t *testing.T, driver, segment int, a, b, c, d string) {
		for n := range 5 {
			request := &metadatav1.SearchRunsRequest{ExperimentIds: []string{"0"}, Filter: "metrics.a > 0", OrderBy: []string{"metrics.a", "end_time"}}
			token, err := store.ForgeToken(request, driver, segment, []string{a, b, c, d}[:min(n, 4)])
			if err != nil {
				t.Fatal(err)
			}
			request.PageToken = token
			if _, err := store.SearchRuns(t.Context(), request); err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", token, err)
			}
		}
	})
}
