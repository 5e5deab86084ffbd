package mlflow

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestPathsAndErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.tracking.answer = func(m proto.Message) (proto.Message, error) {
		if r, ok := m.(*metadatav1.GetTrackingExperimentRequest); ok {
			switch r.GetExperimentId() {
			case "gone":
				return nil, fault.NotFoundf("No Experiment with id=gone exists")
			case "taken":
				return nil, fault.AlreadyExistsf("taken")
			case "busy":
				return nil, fault.Preconditionf("busy").WithReason("INVALID_STATE")
			case "lost":
				return nil, fault.Unavailablef("the database cannot be reached")
			case "slow":
				return nil, fault.New(fault.Canceled, "the database was too slow").WithCause(context.DeadlineExceeded)
			case "ended":
				return nil, fault.New(fault.Canceled, "the service ends").WithCause(context.Canceled)
			case "wrong":
				return nil, fault.Invalidf("metrics[0].name", "is a path")
			}
		}
		return &metadatav1.TrackingExperiment{ExperimentId: "7", Name: "x", Stage: metadatav1.Stage_STAGE_DELETED, CreationTime: 1 << 50}, nil
	}
	const api = "/api/2.0/mlflow/experiments/"
	for name, test := range map[string]struct {
		method, target, body string
		status               int
		want                 string
		header               string // of X-MLFLOW-WORKSPACE
	}{
		"query":              {"GET", api + "get?experiment_id=7&unknown=1", "", 200, `"creation_time":1125899906842624`, ""},
		"for pages":          {"GET", "/ajax" + "-api/2.0/mlflow/experiments/get?experiment_id=7", "", 200, `"lifecycle_stage":"deleted"`, ""},
		"body of a GET":      {"GET", api + "get", `{"experiment_id":"7"}`, 200, `"name":"x"`, ""},
		"workspace":          {"GET", api + "get?experiment_id=7", "", 200, "", "team-a"},
		"bad workspace":      {"GET", api + "get?experiment_id=7", "", 400, "must match the pattern", "Team_A"},
		"short workspace":    {"GET", api + "get?experiment_id=7", "", 400, "between 2 and 63", "x"},
		"body":               {"POST", api + "create", `{"name":"x","unknown":{"a":[1]}}`, 200, `{"experiment_id":"7"}`, ""},
		"empty answer":       {"POST", api + "delete", `{"experimentId":"7"}`, 200, `{}`, ""},
		"encoded twice":      {"POST", api + "delete", `"{\"experiment_id\":\"7\"}"`, 200, `{}`, ""},
		"missing":            {"POST", api + "create", `{}`, 400, `"Missing value for required parameter 'name'. See the API docs for more information about request parameters."`, ""},
		"null":               {"POST", api + "create", `{"name":null}`, 400, "Missing value", ""},
		"no body":            {"POST", api + "create", "", 400, "Missing value for required parameter 'name'", ""},
		"wrong type":         {"POST", api + "create", `{"name":[1,{"b":"ü","a":1.5}]}`, 400, `Invalid value [1,{\"a\":1.5,\"b\":\"\\u00fc\"}] for parameter 'name' supplied:  Hint: Value was of type 'list'. See the API`, ""},
		"wrong type of list": {"POST", api + "create", `{"name":"x","tags":3}`, 400, `Invalid value 3 for parameter 'tags' supplied:  Hint: Value was of type 'int'.`, ""},
		"missing below":      {"POST", api + "create", `{"name":"x","tags":[{"key":"a"},{"value":"b"}]}`, 400, "parameter 'tags[1].key'", ""},
		"not JSON":           {"POST", api + "create", `{"name":`, 400, "not JSON", ""},
		"a list":             {"POST", api + "create", `[]`, 400, "JSON object", ""},
		"no endpoint":        {"GET", "/api/2.0/mlflow/traces", "", 404, `"error_code":"ENDPOINT_NOT_FOUND"`, ""},
		"no endpoint of 3.0": {"POST", "/api/3.0/mlflow/traces", "", 404, `"error_code":"ENDPOINT_NOT_FOUND"`, ""},
		"wrong method":       {"DELETE", api + "create", "", 405, `use POST`, ""},
		"not found":          {"GET", api + "get?experiment_id=gone", "", 404, `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No Experiment with id=gone exists"}`, ""},
		"exists":             {"GET", api + "get?experiment_id=taken", "", 400, `"RESOURCE_ALREADY_EXISTS"`, ""},
		"reason":             {"GET", api + "get?experiment_id=busy", "", 500, `"INVALID_STATE"`, ""},
		"unavailable":        {"GET", api + "get?experiment_id=lost", "", 503, `"TEMPORARILY_UNAVAILABLE"`, ""},
		"too slow":           {"GET", api + "get?experiment_id=slow", "", 504, `"DEADLINE_EXCEEDED"`, ""},
		"given up elsewhere": {"GET", api + "get?experiment_id=ended", "", 503, `"TEMPORARILY_UNAVAILABLE"`, ""},
		"invalid":            {"GET", api + "get?experiment_id=wrong", "", 400, `metrics[0].name: is a path`, ""},
		"health":             {"GET", "/health", "", 200, "OK", ""},
		"version":            {"GET", "/version", "", 200, "3.", ""},
		"server info":        {"GET", "/api/3.0/mlflow/server-info", "", 200, `"multipart_uploads_enabled":false`, ""},
		"somebody else's":    {"GET", "/api/3.0/other", "", 404, "404 page not found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := f.send(t, test.method, test.target, test.body, "X-MLFLOW-WORKSPACE", test.header)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("got %d %s, want %d with %s", status, body, test.status, test.want)
			}
			if strings.HasPrefix(body, "{") && !json.Valid([]byte(body)) {
				t.Errorf("not JSON: %s", body)
			}
		})
	}
}

func TestContentTypeOfABodyMustBeJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for contentType, want := range map[string]string{
		"": "header is missing", "text/plain": "must be one of ['application/json']", "application/json; charset=utf-8": "{}",
	} {
		status, body := f.send(t, http.MethodPost, "/api/2.0/mlflow/experiments/delete", `{"experiment_id":"1"}`, "Content-Type", contentType)
		if (status == 200) != (want == "{}") || !strings.Contains(body, want) {
			t.Errorf("%q: got %d %s", contentType, status, body)
		}
	}
}

func TestNamespaceReachesTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for header, want := range map[string]string{"": "default", "team-a": "team-a"} {
		f.send(t, http.MethodPost, "/api/2.0/mlflow/experiments/create", `{"name":"x"}`, "X-MLFLOW-WORKSPACE", header)
		if got, ok := f.tracking.last().(*metadatav1.CreateExperimentRequest); !ok || got.GetNamespace() != want {
			t.Errorf("%q: the service saw %v", header, got)
		}
	}
}
