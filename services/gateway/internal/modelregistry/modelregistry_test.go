package modelregistry_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/modelregistry"
)

// services remember what they were asked last and answer with it.
type services struct {
	metadatav1.UnimplementedModelRegistryServiceServer
	metadatav1.UnimplementedTrackingServiceServer
	asked proto.Message
}

func (s *services) CreateRegisteredModel(_ context.Context, r *metadatav1.CreateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	s.asked = r
	if r.GetModel().GetName() == "taken" {
		return nil, fault.AlreadyExistsf("Registered Model (name=taken) already exists.")
	}
	m := proto.CloneOf(r.GetModel())
	m.Id, m.State, m.CreationTime = 1<<60, metadatav1.ModelState_MODEL_STATE_LIVE, 5
	return m, nil
}

func (s *services) GetRegisteredModel(_ context.Context, r *metadatav1.GetRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	s.asked = r
	return &metadatav1.RegisteredModel{Id: 1, Card: &metadatav1.ModelCard{License: "mit", Readme: "old"}}, nil
}

func (s *services) UpdateRegisteredModel(_ context.Context, r *metadatav1.UpdateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	s.asked = r
	return &metadatav1.RegisteredModel{Id: r.GetId(), Card: r.GetCard()}, nil
}

func (s *services) ListRegisteredModels(_ context.Context, r *metadatav1.ListRegisteredModelsRequest) (*metadatav1.ListRegisteredModelsResponse, error) {
	s.asked = r
	return &metadatav1.ListRegisteredModelsResponse{Models: []*metadatav1.RegisteredModel{{Id: 1, Name: "m"}}, NextPageToken: "t"}, nil
}

func (s *services) CreateRegistryItem(_ context.Context, r *metadatav1.CreateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	s.asked = r
	item := proto.CloneOf(r.GetItem())
	item.Id = 9
	return item, nil
}

func (s *services) UpdateRegistryItem(_ context.Context, r *metadatav1.UpdateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	s.asked = r
	return &metadatav1.RegistryItem{Id: r.GetId(), Kind: r.GetKinds()[0], Fields: r.GetFields()}, nil
}

func (s *services) LogBatch(_ context.Context, r *metadatav1.LogBatchRequest) (*metadatav1.LogBatchResponse, error) {
	s.asked = r
	return &metadatav1.LogBatchResponse{}, nil
}

// newMux is the API before services.
func newMux(t *testing.T) (*http.ServeMux, *services) {
	t.Helper()
	s := &services{}
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	metadatav1.RegisterModelRegistryServiceServer(server, s)
	metadatav1.RegisterTrackingServiceServer(server, s)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- mesh.Serve() }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	mux := http.NewServeMux()
	modelregistry.Register(mux, modelregistry.Deps{
		Registry: metadatav1.NewModelRegistryServiceClient(mesh.Conn("metadata")), Tracking: metadatav1.NewTrackingServiceClient(mesh.Conn("metadata")),
	})
	return mux, s
}

// call sends a request and returns status and body.
func call(t *testing.T, mux *http.ServeMux, method, path, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, "/api/model_registry/"+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, request)
	var content map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &content); err != nil {
		t.Fatalf("%s %s: %d %q: %v", method, path, answer.Code, answer.Body, err)
	}
	return answer.Code, content
}

func TestRequestsAreTranslated(t *testing.T) {
	t.Parallel()
	number := func(n int64) *metadatav1.PropertyValue {
		return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_IntValue{IntValue: n}}
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		asked              proto.Message
		answer             map[string]any // some of it
	}{
		{
			"POST", "v1alpha3/registered_models", `{"name":"org/m","owner":"o","externalId":"x","state":"ARCHIVED","language":["en"],` +
				`"customProperties":{"n":{"metadataType":"MetadataIntValue","int_value":"12"}}}`, 201,
			&metadatav1.CreateRegisteredModelRequest{AnyName: true, Model: &metadatav1.RegisteredModel{
				Name: "org/m", Owner: "o", ExternalId: "x", State: metadatav1.ModelState_MODEL_STATE_ARCHIVED,
				Card: &metadatav1.ModelCard{Languages: []string{"en"}}, Properties: map[string]*metadatav1.PropertyValue{"n": number(12)},
			}},
			map[string]any{"id": "1152921504606846976", "createTimeSinceEpoch": "5", "state": "LIVE"},
		},
		{
			"GET", "v1/registered_models?pageSize=7&orderBy=NAME&sortOrder=DESC&filterQuery=id%3E1&nextPageToken=p&namespace=team", "", 200,
			&metadatav1.ListRegisteredModelsRequest{Namespace: "team", Options: &metadatav1.ListOptions{
				PageSize: 7, OrderBy: "NAME", Descending: true, FilterQuery: "id>1", PageToken: "p",
			}},
			map[string]any{"nextPageToken": "t", "pageSize": 7.0, "size": 1.0},
		},
		{
			"PATCH", "v1/registered_models/3", `{"readme":"new","description":""}`, 200,
			&metadatav1.UpdateRegisteredModelRequest{Id: 3, Description: proto.String(""), Card: &metadatav1.ModelCard{License: "mit", Readme: "new"}},
			map[string]any{"id": "3", "license": "mit", "readme": "new"},
		},
		{
			"POST", "v1alpha3/model_versions/4/artifacts", `{"artifactType":"model-artifact","name":"m","uri":"s3://b","modelFormatName":"onnx","id":null}`, 201,
			&metadatav1.CreateRegistryItemRequest{Item: &metadatav1.RegistryItem{
				Kind: metadatav1.RegistryItem_KIND_MODEL_ARTIFACT, Name: "m", VersionId: 4, Fields: map[string]string{"uri": "s3://b", "modelFormatName": "onnx"},
			}},
			map[string]any{"id": "9", "artifactType": "model-artifact", "uri": "s3://b"},
		},
		{
			"POST", "v1alpha3/model_versions/4/artifacts", `{"artifactType":"metric","value":0.5,"id":"8"}`, 200,
			&metadatav1.UpdateRegistryItemRequest{Id: 8, Kinds: []metadatav1.RegistryItem_Kind{1, 2, 3, 4, 5}, Fields: map[string]string{"value": "0.5"}},
			map[string]any{"id": "8"},
		},
		{
			"POST", "v1/serving_environments/2/inference_services", `{"registeredModelId":"5","desiredState":"UNDEPLOYED"}`, 201,
			&metadatav1.CreateRegistryItemRequest{Item: &metadatav1.RegistryItem{
				Kind: metadatav1.RegistryItem_KIND_INFERENCE_SERVICE, ParentId: 2, ModelId: 5, State: "UNDEPLOYED",
			}},
			map[string]any{"desiredState": "UNDEPLOYED", "registeredModelId": "5", "servingEnvironmentId": "2"},
		},
		{
			"POST", "v1alpha3/experiment_runs/r1/artifacts", `{"artifactType":"metric","name":"loss","value":0.25,"step":3,"timestamp":"7"}`, 201,
			&metadatav1.LogBatchRequest{RunId: "r1", Metrics: []*metadatav1.Metric{{Key: "loss", Value: 0.25, Step: 3, Timestamp: 7}}},
			map[string]any{"value": 0.25, "timestamp": "7", "artifactType": "metric", "id": "r1.metric.loss"},
		},
	} {
		mux, s := newMux(t)
		status, answer := call(t, mux, test.method, test.path, test.body)
		if status != test.status || !proto.Equal(s.asked, test.asked) {
			t.Errorf("%s %s: %d %v, asked %v; want %d, %v", test.method, test.path, status, answer, s.asked, test.status, test.asked)
		}
		for field, want := range test.answer {
			if answer[field] != want {
				t.Errorf("%s %s: %s is %v, want %v", test.method, test.path, field, answer[field], want)
			}
		}
	}
}

func TestRequestsAreRefused(t *testing.T) {
	t.Parallel()
	mux, _ := newMux(t)
	for _, test := range []struct {
		method, path, body, code, message string
	}{
		{"POST", "v1/registered_models", `{"name":"taken"}`, "409", "already exists"},
		{"POST", "v1/registered_models", `{}`, "400", "name: want a value"},
		{"POST", "v1/registered_models", `{"name":7.5,"description":[]}`, "400", "description: want a text"},
		{"POST", "v1/registered_models", `[]`, "400", "not a JSON object"},
		{"POST", "v1/registered_models", `{"name":"a"}{}`, "400", "goes on after"},
		{"POST", "v1/registered_models", `{"name":"a","state":"GONE"}`, "400", "LIVE or ARCHIVED"},
		{"POST", "v1/registered_models", `{"name":"a","language":"en"}`, "400", "language: want a list"},
		{"POST", "v1/registered_models", `{"name":"a","customProperties":{"x":{"metadataType":"MetadataIntValue","int_value":"1.5"}}}`, "400", "customProperties.x"},
		{"GET", "v1/registered_models/0", "", "400", "positive number"},
		{"GET", "v1/registered_models?sortOrder=UP", "", "400", "ASC or DESC"},
		{"GET", "v1/registered_models?pageSize=99999999999", "", "400", "pageSize"},
		{"GET", "v1/registered_model", "", "400", "want one of them"},
		{"GET", "v1/model_version?name=x", "", "400", "parentResourceId"},
		{"POST", "v1/artifacts", `{"artifactType":"picture"}`, "400", "model-artifact"},
		{"POST", "v1/experiment_runs/r/artifacts", `{"artifactType":"model-artifact"}`, "400", "register a model as a version"},
		{"POST", "v1/experiment_runs/r/artifacts", `{"artifactType":"metric","name":"x","value":"y"}`, "400", "value: want a number"},
		{"DELETE", "v1/registered_models/1", "", "404", "there is nothing at DELETE"},
		{"GET", "v1alpha1/registered_models", "", "404", "v1alpha3"},
	} {
		status, answer := call(t, mux, test.method, test.path, test.body)
		message, _ := answer["message"].(string)
		if answer["code"] != test.code || !strings.Contains(message, test.message) || status < 400 {
			t.Errorf("%s %s %s: %d %v; want %s with %q", test.method, test.path, test.body, status, answer, test.code, test.message)
		}
	}
}
