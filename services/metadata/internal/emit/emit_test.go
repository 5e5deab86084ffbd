package emit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/emit"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// receiver checks what it is told as a server of OpenLineage does.
type receiver struct {
	down atomic.Bool
	got  chan string
	t    *testing.T
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if r.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var e struct {
		EventType, EventTime, Producer, SchemaURL string
		Run                                       struct{ RunID string }
		Job                                       struct{ Namespace, Name string }
		Inputs, Outputs                           []struct{ Namespace, Name string }
	}
	err := json.NewDecoder(request.Body).Decode(&e)
	_, uuidErr := uuid.Parse(e.Run.RunID)
	_, timeErr := time.Parse(time.RFC3339Nano, e.EventTime)
	if err != nil || uuidErr != nil || timeErr != nil || e.Producer == "" || e.SchemaURL == "" || e.Job.Namespace == "" || request.URL.Path != "/api/v1/lineage" {
		r.t.Errorf("it was told %+v at %s: %v, %v, %v", e, request.URL.Path, err, uuidErr, timeErr)
	}
	r.got <- fmt.Sprint(e.EventType, " ", e.Job.Name, " ", e.Inputs, " ", e.Outputs)
	w.WriteHeader(http.StatusCreated)
}

// TestReceiverIsToldAllOnce: a receiver that was away is told what happened since,
// in order, and nothing again by a sender that is started anew.
func TestReceiverIsToldAllOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		r := &receiver{got: make(chan string, 10), t: t}
		r.down.Store(true)
		server := httptest.NewServer(r)
		defer server.Close()
		run := func(want ...string) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				emit.New(db, server.URL, slog.New(slog.DiscardHandler)).Run(ctx)
			}()
			for _, w := range want {
				select {
				case got := <-r.got:
					if got != w {
						t.Errorf("it was told %q, want %q", got, w)
					}
				case <-time.After(20 * time.Second):
					t.Errorf("it was not told %q", w)
				}
			}
			for left := 1; left > 0 && len(want) > 0; { // until it is noted as told
				err := db.Read(t.Context(), func(tx *sqlstore.Tx) error {
					_, err := tx.Row(t.Context(), sqlstore.Q("SELECT COUNT(*) FROM told_executions"), &left)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			cancel()
			<-ended
		}
		put := func(uid string, state metadatav1.Execution_State) {
			request := &metadatav1.PutExecutionRequest{
				Execution: &metadatav1.Execution{
					Uid: uid, Namespace: "default", Name: "train", Type: "system.ContainerExecution", State: state,
					StartTime: timestamppb.New(time.Unix(1, 0)), FinishTime: timestamppb.New(time.Unix(2, 0)),
				},
				Inputs:  []*metadatav1.ArtifactEvent{{Key: "in", Artifact: &metadatav1.Artifact{Uid: "d", Uri: "s3://b/x/y"}}},
				Outputs: []*metadatav1.ArtifactEvent{{Key: "out", Artifact: &metadatav1.Artifact{Uid: "m", Uri: "/a/m"}}},
				Contexts: []*metadatav1.Context{{Uid: "r", Type: "system.PipelineRun", Properties: map[string]*metadatav1.Value{
					"pipeline_name": {Kind: &metadatav1.Value_StringValue{StringValue: "p"}},
				}}},
			}
			if _, err := graph.New(db, emit.Outbox{}).Put(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		put("one", metadatav1.Execution_STATE_COMPLETE)
		run() // it is down
		r.down.Store(false)
		const start, inputs, outputs = "START p.train ", "[{s3://b x/y}] ", "[{file /a/m}]"
		run(start+inputs+"[]", "COMPLETE p.train "+inputs+outputs)
		put("two", metadatav1.Execution_STATE_FAILED)
		run(start+inputs+"[]", "FAIL p.train "+inputs+outputs)
		if len(r.got) > 0 {
			t.Errorf("it was told %q again", <-r.got)
		}
	})
}

func TestCheckURL(t *testing.T) {
	for receiver, good := range map[string]bool{"": true, "http://h:5000": true, "https://h/x": true, "h:5000": false, "ftp://h": false} {
		if err := emit.CheckURL(receiver); (err == nil) != good {
			t.Errorf("%q gives %v", receiver, err)
		}
	}
}
