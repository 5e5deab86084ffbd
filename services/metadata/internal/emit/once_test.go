package emit_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/emit"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// heard is what a receiver was told, and how it answers.
type heard struct {
	mu     sync.Mutex
	types  []string         // guarded by mu
	last   map[string]any   // guarded by mu
	status func(string) int // by the type of the event
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e map[string]any
	content, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(content, &e)
	kind, _ := e["eventType"].(string)
	h.mu.Lock()
	h.types, h.last = append(h.types, kind), e
	h.mu.Unlock()
	w.WriteHeader(h.status(kind))
	_, _ = io.WriteString(w, "no such thing")
}

// settle runs a sender until nothing is left to tell, and returns the types told.
func settle(t *testing.T, db *sqlstore.DB, h *heard) []string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { emit.New(db, server.URL, slog.New(slog.DiscardHandler)).Run(ctx) })
	for left := 1; left > 0; {
		err := db.Read(ctx, func(tx *sqlstore.Tx) error {
			_, err := tx.Row(ctx, sqlstore.Q("SELECT COUNT(*) FROM told_executions"), &left)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	running.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	types := h.types
	h.types = nil
	return types
}

func storeStates(t *testing.T, db *sqlstore.DB, states ...metadatav1.Execution_State) {
	t.Helper()
	schema, err := structpb.NewStruct(map[string]any{"schema": []any{map[string]any{"name": "age", "type": "int"}, map[string]any{"name": "who"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		request := &metadatav1.PutExecutionRequest{
			Execution: &metadatav1.Execution{Uid: "x", Name: "train", Type: "system.ContainerExecution", State: state},
			Outputs:   []*metadatav1.ArtifactEvent{{Key: "out", Artifact: &metadatav1.Artifact{Uid: "d", Uri: "s3://b/d", Type: "system.Dataset", Metadata: schema}}},
		}
		if _, err := graph.New(db, emit.Outbox{}).Put(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEachEventIsToldOnce: START is not told again with the end, nor an end that is
// stored again.
func TestEachEventIsToldOnce(t *testing.T) {
	const (
		running  = metadatav1.Execution_STATE_RUNNING
		complete = metadatav1.Execution_STATE_COMPLETE
		failed   = metadatav1.Execution_STATE_FAILED
	)
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		h := &heard{status: func(string) int { return http.StatusCreated }}
		for i, step := range []struct {
			states []metadatav1.Execution_State
			want   []string
		}{
			{[]metadatav1.Execution_State{running, running}, []string{"START"}},
			{[]metadatav1.Execution_State{running, failed, running}, []string{"FAIL"}},
			{[]metadatav1.Execution_State{complete, complete}, []string{"COMPLETE"}},
			{[]metadatav1.Execution_State{complete}, nil},
		} {
			storeStates(t, db, step.states...)
			if got := settle(t, db, h); !slices.Equal(got, step.want) {
				t.Errorf("step %d told %v, want %v", i, got, step.want)
			}
		}
		output := h.last["outputs"].([]any)[0].(map[string]any)
		facet, _ := output["facets"].(map[string]any)["schema"].(map[string]any)
		if fields, _ := facet["fields"].([]any); len(fields) != 2 || fields[0].(map[string]any)["type"] != "int" || facet["_schemaURL"] == nil {
			t.Errorf("the output is told as %v", output)
		}
		if namespace := h.last["job"].(map[string]any)["namespace"]; namespace != "kfmesh://default" {
			t.Errorf("the job is in %v", namespace)
		}
	})
}

// TestRefusedEventsArePutAside: with what the receiver said, and what follows is told.
func TestRefusedEventsArePutAside(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		h := &heard{status: func(kind string) int {
			if kind == "START" {
				return http.StatusUnprocessableEntity
			}
			return http.StatusOK
		}}
		storeStates(t, db, metadatav1.Execution_STATE_COMPLETE)
		if got := settle(t, db, h); !slices.Equal(got, []string{"START", "COMPLETE"}) {
			t.Errorf("told %v", got)
		}
		page, err := emit.Refused(t.Context(), db, &metadatav1.ListRefusedEventsRequest{})
		if err != nil || page.GetTotalSize() != 1 || len(page.GetEvents()) != 1 || page.GetNextPageToken() != "" {
			t.Fatalf("kept %v, %v", page, err)
		}
		e := page.GetEvents()[0]
		job := e.GetEvent().GetFields()["job"].GetStructValue().GetFields()
		if e.GetEventType() != "START" || e.GetStatus() != 422 || e.GetReason() != "no such thing" || e.GetExecutionName() != "train" ||
			e.GetRefuseTime() == nil || job["namespace"].GetStringValue() != "kfmesh://default" {
			t.Errorf("kept %v", e)
		}
	})
}

// TestRefusedEventsComeInPages: the newest first, each once, of one namespace or
// execution where one is asked for.
func TestRefusedEventsComeInPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		for _, uid := range []string{"a", "b", "c", "d", "e"} {
			request := &metadatav1.PutExecutionRequest{Execution: &metadatav1.Execution{
				Uid: uid, Name: uid, Namespace: map[bool]string{true: "first", false: "rest"}[uid == "a"],
				Type: "system.ContainerExecution", State: metadatav1.Execution_STATE_RUNNING,
			}}
			if _, err := graph.New(db, emit.Outbox{}).Put(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		settle(t, db, &heard{status: func(string) int { return http.StatusBadRequest }})
		names := func(request *metadatav1.ListRefusedEventsRequest) (names []string) {
			for {
				page, err := emit.Refused(t.Context(), db, request)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.GetEvents() {
					names = append(names, e.GetExecutionName())
				}
				if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
					return names
				}
			}
		}
		for _, test := range []struct {
			request *metadatav1.ListRefusedEventsRequest
			want    []string
		}{
			{&metadatav1.ListRefusedEventsRequest{}, []string{"e", "d", "c", "b", "a"}},
			{&metadatav1.ListRefusedEventsRequest{PageSize: 2}, []string{"e", "d", "c", "b", "a"}},
			{&metadatav1.ListRefusedEventsRequest{Namespace: "rest", PageSize: 1}, []string{"e", "d", "c", "b"}},
			{&metadatav1.ListRefusedEventsRequest{ExecutionId: 1}, []string{"a"}},
			{&metadatav1.ListRefusedEventsRequest{Namespace: "none"}, nil},
		} {
			if got := names(test.request); !slices.Equal(got, test.want) {
				t.Errorf("%v: %v, want %v", test.request, got, test.want)
			}
		}
		for _, wrong := range []*metadatav1.ListRefusedEventsRequest{{PageToken: "x"}, {PageSize: -1}} {
			if _, err := emit.Refused(t.Context(), db, wrong); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v, want it to be refused", wrong, err)
			}
		}
	})
}
