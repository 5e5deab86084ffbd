package feed_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/metadata/internal/feed"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

const runID = "0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"

// pipelines knows one experiment.
type pipelines struct {
	pipelinev1.UnimplementedExperimentServiceServer
}

func (pipelines) GetExperiment(context.Context, *pipelinev1.GetExperimentRequest) (*pipelinev1.Experiment, error) {
	return &pipelinev1.Experiment{DisplayName: "mine"}, nil
}

func mesh(t *testing.T) rpc.Mesh {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pipelinev1.RegisterExperimentServiceServer(server, pipelines{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	dialed, err := rpc.NewDialed(map[string]string{"pipeline": listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialed.Close() })
	return dialed
}

// change is an event of the run.
func change(what string, revision int64) event.Event {
	details := &structpb.Struct{Fields: map[string]*structpb.Value{
		"display_name": structpb.NewStringValue("my run"), "experiment_id": structpb.NewStringValue("e-1"),
		"created_at": structpb.NewStringValue("2026-01-02T03:04:05Z"), "finished_at": structpb.NewStringValue("2026-01-02T03:04:06Z"),
	}}
	return event.Event{
		ID:      fmt.Sprintf("/kfmesh/pipeline/runs/%s@%d", runID, revision),
		Subject: event.Subject{Service: "pipeline", Kind: "run", Namespace: "default", Name: runID, What: what},
		Data: &eventv1.ResourceChanged{
			Service: "pipeline", Kind: "run", Namespace: "default", Name: runID, Uid: runID, What: what, Revision: revision, Details: details,
		},
	}
}

// run runs a feed until the context has a state.
func run(t *testing.T, db *sqlstore.DB, bus event.Bus, services rpc.Mesh, state string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		feed.New(db, bus, services, slog.New(slog.DiscardHandler)).Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		c, err := graph.New(db).Context(t.Context(), 0, runID)
		if err == nil && c.GetProperties()["state"].GetStringValue() == state {
			return
		}
		<-tick.C
	}
	t.Fatalf("the run never came to be %s", state)
}

// TestFeed: what happened while nobody listened is taken in, what is old is not,
// and a feed that is started again goes on.
func TestFeed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		bus, services := event.NewMemory(), mesh(t)
		publish := func(events ...event.Event) {
			for _, e := range events {
				if err := bus.Publish(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
		status := func() metadatav1.TrackingRunInfo_Status {
			r, err := tracking.New(db).GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: trackid.Run(runID)})
			if err != nil {
				t.Fatal(err)
			}
			if want := trackid.Experiment("default", "e-1", "mine"); r.GetInfo().GetExperimentId() != want {
				t.Errorf("it is of the experiment %s, want %s", r.GetInfo().GetExperimentId(), want)
			}
			return r.GetInfo().GetStatus()
		}
		publish(change("pending", 1), change("running", 2), change("failed", 5))
		run(t, db, bus, services, "FAILED")
		if got := status(); got != metadatav1.TrackingRunInfo_STATUS_FAILED {
			t.Errorf("the tracked run is %v", got)
		}
		publish(change("succeeded", 4), change("running", 7)) // one is late; then it was retried
		run(t, db, bus, services, "RUNNING")
		if got := status(); got != metadatav1.TrackingRunInfo_STATUS_RUNNING {
			t.Errorf("the tracked run is %v after a retry", got)
		}
		again := change("succeeded", 9)
		again.ID += "again" // a bus may deliver an event twice
		publish(change("succeeded", 9), again)
		run(t, db, bus, services, "SUCCEEDED")
		publish(change("deleted", 10))
		list, err := graph.New(db).ListContexts(t.Context(), &metadatav1.ListContextsRequest{})
		if err != nil || list.GetTotalSize() != 2 {
			t.Errorf("contexts %v, %v; want the run and its experiment", list, err)
		}
	})
}
