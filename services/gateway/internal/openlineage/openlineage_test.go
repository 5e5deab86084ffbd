package openlineage

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// books is a metadata service that remembers what it was told.
type books struct {
	metadatav1.MetadataServiceClient
	put  []*metadatav1.PutExecutionRequest
	fail error
}

func (b *books) PutExecution(_ context.Context, r *metadatav1.PutExecutionRequest, _ ...grpc.CallOption) (*metadatav1.PutExecutionResponse, error) {
	b.put = append(b.put, r)
	return &metadatav1.PutExecutionResponse{}, b.fail
}

func post(b *books, path, body string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	Register(mux, b)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w
}

const common = `"eventTime":"2026-01-02T03:04:05.678Z","producer":"https://example.com/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json"`

const runEvent = `{` + common + `,"eventType":"COMPLETE",
	"run":{"runId":"0B6C2FF4-5f8e-4f6e-9d1e-3a2b1c0d9e8f","facets":{"parent":{"run":{"runId":"p"}},"nominalTime":{"nominalStartTime":"x"}}},
	"job":{"namespace":"spark","name":"etl","facets":{"sql":{"query":"select 1"}}},
	"inputs":[{"namespace":"s3://b","name":"raw","facets":{"version":{"datasetVersion":"7"},"schema":{"fields":[{"name":"a"}]}}}],
	"outputs":[{"namespace":"postgres","name":"db.t","outputFacets":{"outputStatistics":{"rowCount":3}}},{"namespace":"postgres","name":"db.t"}]}`

func TestRunEvent(t *testing.T) {
	b := &books{}
	if w := post(b, "/api/v1/lineage", runEvent); w.Code != http.StatusCreated {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	r := b.put[0]
	x := r.GetExecution()
	if !r.GetMerge() || x.GetUid() != "0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f" || x.GetState() != metadatav1.Execution_STATE_COMPLETE ||
		x.GetFinishTime() == nil || x.GetStartTime() != nil || x.GetContext() != "p" || x.GetCustomProperties()["nominalTime"] == nil {
		t.Errorf("execution %v", x)
	}
	if c := r.GetContexts()[0]; c.GetUid() != "openlineage:job:spark:etl" || c.GetCustomProperties()["sql"] == nil {
		t.Errorf("context %v", c)
	}
	if in := r.GetInputs()[0].GetArtifact(); in.GetUid() != "openlineage:s3://b:raw@7" || in.GetUri() != "s3://b/raw" || in.GetCustomProperties()["schema"] == nil {
		t.Errorf("input %v", in)
	}
	if len(r.GetOutputs()) != 1 || r.GetOutputs()[0].GetArtifact().GetCustomProperties()["output.outputStatistics"] == nil {
		t.Errorf("outputs %v", r.GetOutputs())
	}
}

func TestOtherEvents(t *testing.T) {
	b := &books{}
	for _, body := range []string{
		`{` + common + `,"dataset":{"namespace":"n","name":"d"}}`,
		`{` + common + `,"job":{"namespace":"n","name":"j"},"inputs":[{"namespace":"n","name":"d"}]}`,
	} {
		if w := post(b, "/api/v1/lineage", body); w.Code != http.StatusCreated {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if b.put[0].GetOutputs()[0].GetArtifact().GetUid() != "openlineage:n:d" || b.put[1].GetExecution().GetUid() != "openlineage:job:n:j" ||
		b.put[1].GetInputs()[0].GetArtifact().GetUid() != "openlineage:n:d" {
		t.Errorf("put %v", b.put)
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct{ body, path string }{
		"no JSON":        {`{`, ""},
		"no time":        {strings.Replace(runEvent, "2026-01-02T", "", 1), "eventTime"},
		"no UUID":        {strings.Replace(runEvent, "0B6C2FF4-", "", 1), "run.runId"},
		"a wrong type":   {strings.Replace(runEvent, "COMPLETE", "DONE", 1), "eventType"},
		"no name":        {strings.Replace(runEvent, `"name":"raw"`, `"name":""`, 1), "inputs[0].name"},
		"no job":         {strings.Replace(runEvent, `"job":`, `"jub":`, 1), "job"},
		"nothing at all": {`{` + common + `}`, "run"},
	} {
		w := post(&books{}, "/api/v1/lineage", tt.body)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || p.Error == "" {
			t.Errorf("%s: %d %s, %v", name, w.Code, w.Body, err)
		}
		if tt.path != "" && (len(p.Fields) != 1 || p.Fields[0].Path != tt.path) {
			t.Errorf("%s: fields %v, want %s", name, p.Fields, tt.path)
		}
	}
}

func TestBatch(t *testing.T) {
	b := &books{}
	w := post(b, "/api/v1/lineage/batch", `[`+runEvent+`,{"job":{}}]`)
	var s summary
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK || s.Summary.Successful != 1 ||
		s.Summary.NonRetriable != 1 || s.Failed[0].Index != 1 {
		t.Errorf("answered %d %s, %v", w.Code, w.Body, err)
	}
	b.fail = fault.Unavailablef("not now")
	w = post(b, "/api/v1/lineage/batch", `[`+runEvent+`]`)
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || s.Summary.Retriable != 1 {
		t.Errorf("answered %s, %v", w.Body, err)
	}
	if w := post(b, "/api/v1/lineage", runEvent); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", w.Code)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(runEvent))
	f.Fuzz(func(t *testing.T, content []byte) {
		e, err := parse(content)
		if err == nil && translate(e, "n").GetExecution().GetUid() == "" {
			t.Errorf("an event without an execution: %s", content)
		}
	})
}
