package engine

import (
	"context"
	"encoding/json"
	"maps"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// Types of the contexts that executions belong to.
const (
	experimentType = "system.Experiment"
	pipelineType   = "system.Pipeline"
	runType        = "system.PipelineRun"
)

// maxShownBytes is how much of a parameter a context shows: as much as experiment
// tracking keeps of one.
const maxShownBytes = 6000

// experiment is an experiment as a context. One that is gone is known by its id.
func (e *Engine) experiment(ctx context.Context, id string) (*metadatav1.Context, error) {
	c := &metadatav1.Context{Uid: id, Name: id, Type: experimentType}
	if name, known := e.names.Load(id); known {
		c.Name, _ = name.(string)
		return c, nil
	}
	item, err := e.deps.State.Experiments.Get(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return c, nil
	case err != nil:
		return nil, err
	}
	c.Name = item.Value.GetDisplayName() // which never changes
	e.names.Store(id, c.GetName())
	return c, nil
}

// contextOf is a run as a context, with what is above it.
func contextOf(item *pipelinev1.RunState, pipeline string, experiment *metadatav1.Context, parameters map[string]any) *metadatav1.Context {
	run, namespace := item.GetRun(), item.GetNamespace()
	reference := run.GetPipelineVersionReference()
	experiment.Namespace = namespace
	c := &metadatav1.Context{
		Uid: run.GetRunId(), Namespace: namespace, Name: run.GetDisplayName(), Type: runType, CreateTime: run.GetCreatedAt(),
		Properties: map[string]*metadatav1.Value{
			"state":         textValue(pipelinev1.RuntimeState_RUNNING.String()),
			"start_time":    timeValue(timeOf(run.GetCreatedAt())),
			"experiment_id": textValue(run.GetExperimentId()),
			"pipeline_name": textValue(pipeline),
		},
		Parents: []*metadatav1.Context{experiment, {
			Uid: pipelineUID(namespace, pipeline, reference.GetPipelineId()), Namespace: namespace, Name: pipeline, Type: pipelineType,
		}},
	}
	if reference.GetPipelineId() != "" {
		c.Properties["pipeline_id"] = textValue(reference.GetPipelineId())
		c.Properties["pipeline_version_id"] = textValue(reference.GetPipelineVersionId())
	}
	if shown := shown(parameters); len(shown.GetFields()) > 0 {
		c.Properties["parameters"] = &metadatav1.Value{Kind: &metadatav1.Value_StructValue{StructValue: shown}}
	}
	return c
}

// withDefaults are the parameters of a run, those that it was not given with their
// defaults.
func withDefaults(spec *ir.Spec, given map[string]any) map[string]any {
	all := maps.Clone(given)
	for name, def := range spec.Root.InputDefinitions.Parameters {
		if _, isGiven := given[name]; !isGiven && def.HasDefault && def.DefaultValue != nil {
			all[name] = def.DefaultValue
		}
	}
	return all
}

// pipelineUID is the uid of the context of a pipeline, stored or not.
func pipelineUID(namespace, name, id string) string {
	if id != "" {
		return id
	}
	return derived(pipelineType + "\x00" + namespace + "\x00" + name)
}

// brief is a context without what need not be said again.
func brief(c *metadatav1.Context) *metadatav1.Context {
	if _, says := c.GetProperties()["parameters"]; !says {
		return c
	}
	c = proto.CloneOf(c)
	delete(c.Properties, "parameters")
	return c
}

// shown are parameters as a context shows them.
func shown(parameters map[string]any) *structpb.Struct {
	s := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(parameters))}
	for name, value := range maps.All(parameters) {
		v, err := structpb.NewValue(value)
		if err != nil {
			continue // it came from a struct
		}
		if proto.Size(v) > maxShownBytes {
			v = structpb.NewStringValue(beginning(value))
		}
		s.Fields[name] = v
	}
	return s
}

// beginning is the beginning of a large value.
func beginning(value any) string {
	whole, isText := value.(string)
	if !isText {
		encoded, _ := json.Marshal(value) // it came from a struct
		whole = string(encoded)
	}
	cut := whole[:min(len(whole), maxShownBytes)]
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return cut
}

// tracking is what the steps of a run are told of experiment tracking.
func (e *Engine) tracking(ctx context.Context, run *metadatav1.Context) launch.Tracking {
	if e.deps.Tracking == nil {
		return launch.Tracking{}
	}
	experiment := run.GetParents()[0]
	return launch.Tracking{
		URI:        e.deps.Tracking(ctx),
		Experiment: trackid.Experiment(experiment.GetNamespace(), experiment.GetUid(), experiment.GetName()),
	}
}

func textValue(s string) *metadatav1.Value {
	return &metadatav1.Value{Kind: &metadatav1.Value_StringValue{StringValue: s}}
}

// timeValue is a time in milliseconds since 1970.
func timeValue(t time.Time) *metadatav1.Value {
	return &metadatav1.Value{Kind: &metadatav1.Value_IntValue{IntValue: t.UnixMilli()}}
}
