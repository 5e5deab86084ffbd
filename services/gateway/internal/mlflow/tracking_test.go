package mlflow

import (
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// TestWhatTheServiceIsAsked compares what a request becomes.
func TestWhatTheServiceIsAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for target, test := range map[string]struct {
		body string
		want proto.Message
	}{
		"POST experiments/create": {`{"name":"x","artifact_location":"s3://b","tags":[{"key":"a","value":"b"}]}`, &metadatav1.CreateExperimentRequest{
			Name: "x", ArtifactLocation: "s3://b", Tags: []*metadatav1.Tag{{Key: "a", Value: "b"}},
		}},
		"GET experiments/get-by-name?experiment_name=a%20b": {"", &metadatav1.GetTrackingExperimentRequest{Name: "a b"}},
		"GET experiments/search?order_by=name&order_by=id&max_results=5&view_type=ALL&filter=x": {"", &metadatav1.SearchExperimentsRequest{
			OrderBy: []string{"name", "id"}, MaxResults: 5, View: metadatav1.StageView_STAGE_VIEW_ALL, Filter: "x",
		}},
		"POST experiments/search": {`{"view_type":2,"page_token":"t"}`, &metadatav1.SearchExperimentsRequest{
			View: metadatav1.StageView_STAGE_VIEW_DELETED_ONLY, PageToken: "t",
		}},
		"POST experiments/update": {`{"experiment_id":"1","new_name":"y"}`, &metadatav1.UpdateTrackingExperimentRequest{ExperimentId: "1", Name: "y"}},
		"POST experiments/restore": {`{"experiment_id":"1"}`, &metadatav1.SetExperimentStageRequest{
			ExperimentId: "1", Stage: metadatav1.Stage_STAGE_ACTIVE,
		}},
		"POST experiments/set-experiment-tag": {`{"experiment_id":"1","key":"k","value":"v"}`, &metadatav1.SetExperimentTagsRequest{
			ExperimentId: "1", Tags: []*metadatav1.Tag{{Key: "k", Value: "v"}},
		}},
		"POST experiments/delete-experiment-tag": {`{"experiment_id":"1","key":"k"}`, &metadatav1.SetExperimentTagsRequest{
			ExperimentId: "1", DeleteKeys: []string{"k"},
		}},
		"POST experiments/search-datasets": {`{"experiment_ids":["1","2"]}`, &metadatav1.SearchDatasetsRequest{ExperimentIds: []string{"1", "2"}}},
		"POST runs/create": {`{"experiment_id":"1","user_id":"u","start_time":"7","run_name":"n","tags":[]}`, &metadatav1.CreateTrackingRunRequest{
			ExperimentId: "1", UserId: "u", StartTime: 7, RunName: "n",
		}},
		"GET runs/get?run_uuid=r&run_id=r": {"", &metadatav1.GetTrackingRunRequest{RunId: "r"}},
		"POST runs/update": {`{"run_uuid":"r","status":"KILLED","end_time":0}`, &metadatav1.UpdateTrackingRunRequest{
			RunId: "r", Status: metadatav1.TrackingRunInfo_STATUS_KILLED, EndTime: new(int64),
		}},
		"POST runs/delete": {`{"run_id":"r"}`, &metadatav1.SetRunStageRequest{RunId: "r", Stage: metadatav1.Stage_STAGE_DELETED}},
		"POST runs/search": {`{"experiment_ids":["1","2"],"filter":"f","run_view_type":"ALL","max_results":50000,"order_by":["a DESC"]}`, &metadatav1.SearchRunsRequest{
			ExperimentIds: []string{"1", "2"}, Filter: "f", View: metadatav1.StageView_STAGE_VIEW_ALL, MaxResults: 50000, OrderBy: []string{"a DESC"},
		}},
		"POST runs/log-metric": {`{"run_id":"r","key":"k","value":"NaN","timestamp":5,"step":-1,"model_id":"m","dataset_name":"d","dataset_digest":"e"}`, &metadatav1.LogBatchRequest{
			RunId: "r", Single: true,
			Metrics: []*metadatav1.Metric{{Key: "k", Value: math.NaN(), Timestamp: 5, Step: -1, ModelId: "m", DatasetName: "d", DatasetDigest: "e"}},
		}},
		"POST runs/log-parameter": {`{"run_id":"r","key":"k","value":"v"}`, &metadatav1.LogBatchRequest{
			RunId: "r", Single: true, Params: []*metadatav1.Param{{Key: "k", Value: "v"}},
		}},
		"POST runs/set-tag": {`{"run_id":"r","key":"k","value":""}`, &metadatav1.LogBatchRequest{
			RunId: "r", Single: true, Tags: []*metadatav1.Tag{{Key: "k"}},
		}},
		"POST runs/delete-tag": {`{"run_id":"r","key":"k"}`, &metadatav1.DeleteRunTagRequest{RunId: "r", Key: "k"}},
		"POST runs/log-batch": {`{"run_id":"r","metrics":[{"key":"k","value":1e400,"timestamp":1}],"params":[{"key":"p","value":"v"}],"tags":[{"key":"t"}]}`, &metadatav1.LogBatchRequest{
			RunId: "r", Metrics: []*metadatav1.Metric{{Key: "k", Value: math.Inf(1), Timestamp: 1}},
			Params: []*metadatav1.Param{{Key: "p", Value: "v"}}, Tags: []*metadatav1.Tag{{Key: "t"}},
		}},
		"POST runs/log-inputs": {`{"run_id":"r","datasets":[{"tags":[{"key":"a","value":"b"}],"dataset":{"name":"n","digest":"d","source_type":"t","source":"s","schema":"c","profile":"p"}}],"models":[{"model_id":"m"}]}`, &metadatav1.LogInputsRequest{
			RunId: "r", Models: []*metadatav1.ModelInput{{ModelId: "m"}},
			Datasets: []*metadatav1.DatasetInput{{
				Tags:    []*metadatav1.Tag{{Key: "a", Value: "b"}},
				Dataset: &metadatav1.Dataset{Name: "n", Digest: "d", SourceType: "t", Source: "s", Schema: "c", Profile: "p"},
			}},
		}},
		"POST runs/outputs": {`{"run_id":"r","models":[{"model_id":"m","step":"3"}]}`, &metadatav1.LogOutputsRequest{
			RunId: "r", Models: []*metadatav1.ModelOutput{{ModelId: "m", Step: 3}},
		}},
		"GET metrics/get-history?run_id=r&metric_key=k&max_results=3&page_token=t": {"", &metadatav1.GetMetricHistoryRequest{
			RunId: "r", MetricKey: "k", MaxResults: 3, PageToken: "t",
		}},
		"GET metrics/get-history-bulk?run_id=r&run_id=s&metric_key=k&max_results=99999": {"", &metadatav1.GetMetricHistoriesRequest{
			RunIds: []string{"r", "s"}, MetricKey: "k", MaxResults: 25000, Cut: true,
		}},
		"GET metrics/get-history-bulk-interval?run_ids=r&metric_key=k&start_step=0&end_step=9": {"", &metadatav1.GetMetricHistoriesRequest{
			RunIds: []string{"r"}, MetricKey: "k", MaxResults: 2500, StartStep: new(int64), EndStep: proto.Int64(9),
		}},
		"POST logged-models": {`{"experiment_id":"1","name":"n","model_type":"t","source_run_id":"r","params":[{"key":"a","value":"b"}],"tags":[{"key":"c","value":"d"}]}`, &metadatav1.CreateLoggedModelRequest{
			ExperimentId: "1", Name: "n", ModelType: "t", SourceRunId: "r",
			Params: []*metadatav1.Param{{Key: "a", Value: "b"}}, Tags: []*metadatav1.Tag{{Key: "c", Value: "d"}},
		}},
		"GET logged-models/m-1?allow_deleted=true": {"", &metadatav1.GetLoggedModelRequest{ModelId: "m-1", AllowDeleted: true}},
		"PATCH logged-models/m-1": {`{"model_id":"m-1","status":"LOGGED_MODEL_READY"}`, &metadatav1.FinalizeLoggedModelRequest{
			ModelId: "m-1", Status: metadatav1.LoggedModel_STATUS_READY,
		}},
		"DELETE logged-models/m-1":            {"", &metadatav1.DeleteLoggedModelRequest{ModelId: "m-1"}},
		"DELETE logged-models/m-1/tags/a%2Fb": {"", &metadatav1.SetLoggedModelTagsRequest{ModelId: "m-1", DeleteKeys: []string{"a/b"}}},
		"PATCH logged-models/m-1/tags": {`{"tags":[{"key":"a","value":"b"}]}`, &metadatav1.SetLoggedModelTagsRequest{
			ModelId: "m-1", Tags: []*metadatav1.Tag{{Key: "a", Value: "b"}},
		}},
		"POST logged-models/m-1/params": {`{"params":[{"key":"a","value":"b"}]}`, &metadatav1.LogLoggedModelParamsRequest{
			ModelId: "m-1", Params: []*metadatav1.Param{{Key: "a", Value: "b"}},
		}},
		"POST logged-models/search": {`{"experiment_ids":["1"],"filter":"f","datasets":[{"dataset_name":"d"}],"max_results":2,"order_by":[{"field_name":"x","ascending":false},{"field_name":"y"}]}`, &metadatav1.SearchLoggedModelsRequest{
			ExperimentIds: []string{"1"}, Filter: "f", MaxResults: 2,
			Datasets: []*metadatav1.SearchLoggedModelsRequest_MetricDataset{{Name: "d"}},
			OrderBy:  []*metadatav1.SearchLoggedModelsRequest_ModelOrder{{FieldName: "x", Ascending: new(bool)}, {FieldName: "y"}},
		}},
	} {
		method, path, _ := strings.Cut(target, " ")
		status, body := f.send(t, method, "/api/2.0/mlflow/"+path, test.body)
		got := f.tracking.last()
		want := test.want.ProtoReflect()
		want.Set(want.Descriptor().Fields().ByName("namespace"), protoreflect.ValueOfString("default"))
		if status != http.StatusOK || !proto.Equal(got, test.want) {
			t.Errorf("%s: answered %d %s, asked\n%s, want\n%s", target, status, body, protojson.Format(got), protojson.Format(test.want))
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := &metadatav1.TrackingRun{
		Info: &metadatav1.TrackingRunInfo{
			RunId: "r", ExperimentId: "0", RunName: "n", UserId: "u", Status: metadatav1.TrackingRunInfo_STATUS_FINISHED,
			StartTime: 1, EndTime: proto.Int64(2), ArtifactUri: "mlflow-artifacts:/0/r/artifacts", Stage: metadatav1.Stage_STAGE_ACTIVE,
		},
		Metrics:       []*metadatav1.Metric{{Key: "m", Value: math.NaN(), Timestamp: 3, Step: 4}, {Key: "n", Value: 0.5}},
		Params:        []*metadatav1.Param{{Key: "p", Value: "v"}},
		Tags:          []*metadatav1.Tag{{Key: "t", Value: `a"b`}},
		DatasetInputs: []*metadatav1.DatasetInput{{Dataset: &metadatav1.Dataset{Name: "d", Digest: "e", SourceType: "local", Source: "s"}}},
		ModelOutputs:  []*metadatav1.ModelOutput{{ModelId: "m-1", Step: 5}},
	}
	model := &metadatav1.LoggedModel{
		ModelId: "m-1", ExperimentId: "0", Name: "n", CreationTime: 1, LastUpdateTime: 2, ArtifactUri: "u", Status: metadatav1.LoggedModel_STATUS_READY,
		Metrics:       []*metadatav1.Metric{{Key: "m", Value: 1, ModelId: "m-1", RunId: "r"}},
		Registrations: []*metadatav1.ModelRegistration{{Name: "reg", Version: "1"}},
	}
	f.tracking.answer = func(m proto.Message) (proto.Message, error) {
		switch m.(type) {
		case *metadatav1.GetTrackingRunRequest:
			return run, nil
		case *metadatav1.SearchRunsRequest:
			return &metadatav1.SearchRunsResponse{Runs: []*metadatav1.TrackingRun{run}, NextPageToken: "more"}, nil
		case *metadatav1.UpdateTrackingRunRequest:
			return run.GetInfo(), nil
		case *metadatav1.GetLoggedModelRequest:
			return model, nil
		case *metadatav1.GetMetricHistoriesRequest:
			return &metadatav1.GetMetricHistoriesResponse{Metrics: []*metadatav1.Metric{{Key: "m", Value: 1, RunId: "r"}, {Key: "m", Value: math.Inf(-1), RunId: "s"}}}, nil
		}
		return nil, nil
	}
	const info = `{"run_uuid":"r","run_id":"r","run_name":"n","experiment_id":"0","user_id":"u","status":"FINISHED","start_time":1,"end_time":2,"artifact_uri":"mlflow-artifacts:/0/r/artifacts","lifecycle_stage":"active"}`
	const whole = `{"info":` + info + `,"data":{"metrics":[{"key":"m","value":"NaN","timestamp":3,"step":4},{"key":"n","value":0.5,"timestamp":0,"step":0}],` +
		`"params":[{"key":"p","value":"v"}],"tags":[{"key":"t","value":"a\"b"}]},` +
		`"inputs":{"dataset_inputs":[{"dataset":{"name":"d","digest":"e","source_type":"local","source":"s"}}]},"outputs":{"model_outputs":[{"model_id":"m-1","step":5}]}}`
	for target, test := range map[string]struct{ body, want string }{
		"GET runs/get?run_id=r":   {"", `{"run":` + whole + `}`},
		"POST runs/search":        {`{"experiment_ids":["0"]}`, `{"runs":[` + whole + `],"next_page_token":"more"}`},
		"POST runs/update":        {`{"run_id":"r"}`, `{"run_info":` + info + `}`},
		"POST experiments/search": {`{}`, `{}`},

		"GET metrics/get-history-bulk?run_id=r&metric_key=m": {"", `{"metrics":[{"key":"m","value":1.0,"timestamp":0,"step":0,"run_id":"r"},{"key":"m","value":"-Infinity","timestamp":0,"step":0,"run_id":"s"}]}`},
		"GET logged-models/m-1":                              {"", `{"model":{"info":{"model_id":"m-1","experiment_id":"0","name":"n","creation_timestamp_ms":1,"last_updated_timestamp_ms":2,"artifact_uri":"u","status":"LOGGED_MODEL_READY","registrations":[{"name":"reg","version":"1"}]},"data":{"metrics":[{"key":"m","value":1.0,"timestamp":0,"step":0,"model_id":"m-1","run_id":"r"}]}}}`},
	} {
		method, path, _ := strings.Cut(target, " ")
		if status, body := f.send(t, method, "/api/2.0/mlflow/"+path, test.body); status != http.StatusOK || body != test.want {
			t.Errorf("%s: got %d\n%s, want\n%s", target, status, body, test.want)
		}
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct{ target, body, want string }{
		"metric without value":  {"POST runs/log-metric", `{"run_id":"r","key":"k","timestamp":1}`, "required parameter 'value'"},
		"metric with a word":    {"POST runs/log-metric", `{"run_id":"r","key":"k","value":"high","timestamp":1}`, `Invalid value \"high\" for parameter 'value' supplied:  Hint: Value was of type 'str'`},
		"metric at half a time": {"POST runs/log-metric", `{"run_id":"r","key":"k","value":1,"timestamp":1.5}`, "Invalid value 1.5 for parameter 'timestamp'"},
		"no run":                {"POST runs/set-tag", `{"key":"k"}`, "required parameter 'run_id'"},
		"batch":                 {"POST runs/log-batch", `{"run_id":"r","metrics":[{"key":"a","value":1,"timestamp":1},{"key":"b","value":2}]}`, "required parameter 'metrics[1].timestamp'"},
		"batch of words":        {"POST runs/log-batch", `{"run_id":"r","params":["x"]}`, `Invalid value [\"x\"] for parameter 'params'`},
		"too many runs":         {"POST runs/search", `{"max_results":50001}`, "Invalid value 50001 for parameter 'max_results' supplied"},
		"no runs":               {"POST runs/search", `{"max_results":0}`, "positive integer"},
		"ids that are numbers":  {"POST runs/search", `{"experiment_ids":[1]}`, "Invalid value [1] for parameter 'experiment_ids'"},
		"status":                {"POST runs/update", `{"run_id":"r","status":"DONE"}`, `Invalid value \"DONE\" for parameter 'status'`},
		"outputs without any":   {"POST runs/outputs", `{"run_id":"r"}`, "required parameter 'models'"},
		"no run_id":             {"GET metrics/get-history-bulk?metric_key=k", "", "must specify at least one run_id"},
		"no metric_key":         {"GET metrics/get-history-bulk?run_id=r", "", "must specify a metric_key"},
		"many run_ids":          {"GET metrics/get-history-bulk?metric_key=k" + strings.Repeat("&run_id=r", 101), "", "cannot specify more than 100 run_ids. Received 101 run_ids."},
		"half an interval":      {"GET metrics/get-history-bulk-interval?run_ids=r&metric_key=k&start_step=1", "", "both must be specified"},
		"interval turned round": {"GET metrics/get-history-bulk-interval?run_ids=r&metric_key=k&start_step=2&end_step=1", "", "end_step must be greater than start_step. Found start_step=2 and end_step=1."},
		"too many points":       {"GET metrics/get-history-bulk-interval?run_ids=r&metric_key=k&max_results=2501", "", "max_results must be between 1 and 2500."},
		"model of no kind":      {"POST runs/log-model", `{"run_id":"r","model_json":"{}"}`, "Model json is missing mandatory fields: {'artifact_path'"},
		"model that is no JSON": {"POST runs/log-model", `{"run_id":"r","model_json":"x"}`, "is not a valid JSON"},
		"models of nothing":     {"POST logged-models/search", `{}`, "required parameter 'experiment_ids'"},
		"model without status":  {"PATCH logged-models/m-1", `{}`, "required parameter 'status'"},
	} {
		method, path, _ := strings.Cut(test.target, " ")
		if status, body := f.send(t, method, "/api/2.0/mlflow/"+path, test.body); status != http.StatusBadRequest || !strings.Contains(body, test.want) ||
			!strings.Contains(body, "INVALID_PARAMETER_VALUE") {
			t.Errorf("%s: got %d %s, want %s", name, status, body, test.want)
		}
	}
	if f.tracking.last() != nil {
		t.Errorf("the service was asked %v", f.tracking.last())
	}
}

func TestModelsThatMLflow2Logs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tags := []*metadatav1.Tag{{Key: modelHistory, Value: `[{"a":1}]`}}
	f.tracking.answer = func(m proto.Message) (proto.Message, error) {
		switch m.(type) {
		case *metadatav1.GetTrackingRunRequest:
			return &metadatav1.TrackingRun{Tags: tags}, nil
		case *metadatav1.LogBatchRequest:
			return nil, fault.Preconditionf("the run is deleted")
		}
		return nil, nil
	}
	body := `{"run_id":"r","model_json":"{\"artifact_path\":\"model\",\"flavors\":{\"sklearn\":{\"config\":{},\"v\":1},\"x\":3},\"utc_time_created\":\"t\",\"run_id\":\"r\",\"signature\":{}}"}`
	status, answer := f.send(t, http.MethodPost, "/api/2.0/mlflow/runs/log-model", body)
	if status != http.StatusBadRequest || !strings.Contains(answer, "the run is deleted") {
		t.Errorf("got %d %s", status, answer)
	}
	got, ok := f.tracking.last().(*metadatav1.LogBatchRequest)
	want := `[{"a":1},{"artifact_path":"model","flavors":{"sklearn":{"v":1},"x":3},"run_id":"r","utc_time_created":"t"}]`
	if !ok || len(got.GetTags()) != 1 || got.GetTags()[0].GetValue() != want {
		t.Errorf("the tag became %v, want %s", got, want)
	}
}

// TestLocations: what is relative is so to the server's folder; what has a scheme is
// nobody's to change.
func TestLocations(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"": "", "mine": here + "/mine", "./a/../b": here + "/b", "/abs": "/abs", "s3://b/p": "s3://b/p", "file:///p": "file:///p",
		"mlflow-artifacts:/p": "mlflow-artifacts:/p",
	} {
		if got := absolute(given); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}
