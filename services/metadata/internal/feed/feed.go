// Package feed keeps contexts, and the tracked runs that go with them, by the
// events of the services whose resources they stand for.
//
// A durable subscription remembers how far the feed has come, so that an event is
// taken in although the service was down when it happened. An event is taken in
// once: it carries the revision of its resource, and a context knows the newest
// revision that it was told of. So events may come again, late and in any order.
//
// Which events there are and what becomes of them is the table sources. A service
// that publishes the like is one more row.
package feed

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
	"github.com/kfmesh/kfmesh/services/metadata/internal/mirror"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// atOnce is how many events are taken in at the same time: the database commits
// them together.
const atOnce = 8

// pause is the time before a subscription that ended is taken up again.
const pause = time.Second

// source is a kind of events.
type source struct {
	pattern string // of their subjects
	durable string // name of the position in them
	context string // type of the context that their resource is
}

// sources are the events that the feed takes in.
var sources = []source{
	{pattern: "kfmesh.pipeline.run.>", durable: "metadata-pipeline-run", context: kind.PipelineRun},
}

// Feed takes events in.
type Feed struct {
	db          *sqlstore.DB
	graph       *graph.Graph
	bus         event.Bus
	runs        pipelinev1.RunServiceClient
	experiments pipelinev1.ExperimentServiceClient
	log         *slog.Logger
}

// New returns the feed of a database.
func New(db *sqlstore.DB, bus event.Bus, mesh rpc.Mesh, log *slog.Logger) *Feed {
	return &Feed{
		db: db, graph: graph.New(db), bus: bus, log: log,
		runs:        pipelinev1.NewRunServiceClient(mesh.Conn("pipeline")),
		experiments: pipelinev1.NewExperimentServiceClient(mesh.Conn("pipeline")),
	}
}

// Run takes events in until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, s := range sources {
		group.Go(func() { f.follow(ctx, s) })
	}
	group.Wait()
}

// follow takes in the events of a source.
func (f *Feed) follow(ctx context.Context, s source) {
	subscription := event.Subscription{Pattern: s.pattern, Durable: s.durable, AtOnce: atOnce}
	for ctx.Err() == nil {
		err := f.bus.Subscribe(ctx, subscription, func(ctx context.Context, e event.Event) error {
			return f.settle(ctx, e, f.take(ctx, s, e))
		})
		if ctx.Err() != nil {
			return
		}
		f.log.WarnContext(ctx, "events are not taken in; trying again", "pattern", s.pattern, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// settle says whether an event has to come again: not one that is to blame itself.
func (f *Feed) settle(ctx context.Context, e event.Event, err error) error {
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Conflict) {
		return err
	}
	f.log.ErrorContext(ctx, "an event is left out: it cannot be taken in", "event", e.ID, "error", err)
	return nil
}

// take takes an event in, unless it says nothing new.
func (f *Feed) take(ctx context.Context, s source, e event.Event) error {
	news, err := f.isNews(ctx, e)
	if err != nil || !news {
		return err
	}
	c, err := f.contextOf(ctx, s, e)
	if err != nil || c == nil {
		return err
	}
	return f.db.Write(ctx, func(tx *sqlstore.Tx) error {
		fresh, err := graph.Fresh(ctx, tx, c.GetUid(), e.Data.GetRevision())
		if err != nil || !fresh {
			return err
		}
		if err := graph.Revise(ctx, tx, c, e.Data.GetRevision()); err != nil {
			return err
		}
		return mirror.SetRun(ctx, tx, c)
	})
}

// isNews reports whether an event changes anything, which most do not: what has
// only just begun to run is known, or comes to be, with its first execution.
func (f *Feed) isNews(ctx context.Context, e event.Event) (news bool, err error) {
	err = f.db.Read(ctx, func(tx *sqlstore.Tx) error {
		if news, err = graph.Fresh(ctx, tx, e.Data.GetUid(), e.Data.GetRevision()); err != nil || !news {
			return err
		}
		switch e.Data.GetWhat() {
		case "pending", "canceling", "paused":
			news = false
		case "running":
			known, err := mirror.Running(ctx, tx, e.Data.GetUid())
			news = !known
			return err
		}
		return nil
	})
	return news, err
}

// contextOf is the context that an event tells of, nil when its resource is gone.
func (f *Feed) contextOf(ctx context.Context, s source, e event.Event) (*metadatav1.Context, error) {
	details := e.Data.GetDetails()
	if details == nil {
		run, err := f.runs.GetRun(ctx, &pipelinev1.GetRunRequest{RunId: e.Data.GetUid()})
		if fault.Is(err, fault.NotFound) {
			details, err = &structpb.Struct{}, nil
		} else if err == nil {
			details = detailsOf(run)
		}
		if err != nil {
			return nil, err
		}
	}
	c := describe(s, e, details)
	id := c.GetProperties()["experiment_id"].GetStringValue()
	if id == "" {
		return c, nil
	}
	name, err := f.experimentName(ctx, id)
	c.Parents = []*metadatav1.Context{{Uid: id, Namespace: c.GetNamespace(), Name: name, Type: kind.Experiment}}
	return c, err
}

// experimentName is the name of an experiment, as known or else as asked for. One
// that is gone is called by its id.
func (f *Feed) experimentName(ctx context.Context, id string) (string, error) {
	known, err := f.graph.Context(ctx, 0, id)
	if err == nil {
		return known.GetName(), nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	experiment, err := f.experiments.GetExperiment(ctx, &pipelinev1.GetExperimentRequest{ExperimentId: id})
	if fault.Is(err, fault.NotFound) {
		return id, nil
	}
	return experiment.GetDisplayName(), err
}

// describe makes a context of what an event says.
func describe(s source, e event.Event, details *structpb.Struct) *metadatav1.Context {
	said := func(name string) string { return details.GetFields()[name].GetStringValue() }
	c := &metadatav1.Context{
		Uid: e.Data.GetUid(), Namespace: e.Data.GetNamespace(), Name: said("display_name"), Type: s.context,
		Properties: map[string]*metadatav1.Value{},
	}
	if e.Data.GetWhat() == "deleted" {
		c.Properties["deleted"] = &metadatav1.Value{Kind: &metadatav1.Value_BoolValue{BoolValue: true}}
	} else {
		c.Properties["state"] = text(strings.ToUpper(e.Data.GetWhat()))
	}
	for _, name := range []string{"error", "experiment_id", "pipeline_id", "pipeline_version_id", "pipeline_name"} {
		if value := said(name); value != "" {
			c.Properties[name] = text(value)
		}
	}
	for name, from := range map[string]string{"start_time": "created_at", "end_time": "finished_at"} {
		if t, err := time.Parse(time.RFC3339Nano, said(from)); err == nil {
			c.Properties[name] = &metadatav1.Value{Kind: &metadatav1.Value_IntValue{IntValue: t.UnixMilli()}}
		}
	}
	return c
}

// detailsOf are the details that an event of a run would carry.
func detailsOf(run *pipelinev1.Run) *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{
		"display_name":  structpb.NewStringValue(run.GetDisplayName()),
		"experiment_id": structpb.NewStringValue(run.GetExperimentId()),
		"error":         structpb.NewStringValue(run.GetError().GetMessage()),
	}}
	if t := run.GetCreatedAt(); t != nil {
		s.Fields["created_at"] = structpb.NewStringValue(t.AsTime().Format(time.RFC3339Nano))
	}
	if t := run.GetFinishedAt(); t != nil {
		s.Fields["finished_at"] = structpb.NewStringValue(t.AsTime().Format(time.RFC3339Nano))
	}
	return s
}

func text(s string) *metadatav1.Value {
	return &metadatav1.Value{Kind: &metadatav1.Value_StringValue{StringValue: s}}
}
