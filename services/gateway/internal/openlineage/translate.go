package openlineage

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// defaultNamespace is that of kfmesh in which events are kept that name none;
// OpenLineage's own are part of the names of jobs and datasets.
const defaultNamespace = "default"

// prefix begins the uids of what events tell of; those of another namespace than the
// default one are others.
func prefix(namespace string) string {
	if namespace == defaultNamespace {
		return "openlineage:"
	}
	return "openlineage/" + namespace + ":"
}

// Types of executions and contexts that events make.
const (
	typeRun        = "openlineage.Run"
	typeJob        = "openlineage.Job"
	typeDataset    = "openlineage.Dataset" // an observation of a dataset
	typeJobContext = "system.Job"
	typeArtifact   = "system.Dataset"
)

// states are those of executions, by the type of the event.
var states = map[string]metadatav1.Execution_State{
	"START":    metadatav1.Execution_STATE_RUNNING,
	"RUNNING":  metadatav1.Execution_STATE_RUNNING,
	"COMPLETE": metadatav1.Execution_STATE_COMPLETE,
	"ABORT":    metadatav1.Execution_STATE_CANCELED,
	"FAIL":     metadatav1.Execution_STATE_FAILED,
}

// translate says what an event adds to the graph. A JobEvent tells what a job reads
// and writes in general, and a DatasetEvent that a dataset was seen: each is an
// execution that stands for that.
func translate(e *event, namespace string) *metadatav1.PutExecutionRequest {
	r := &metadatav1.PutExecutionRequest{
		Merge:     true,
		Execution: &metadatav1.Execution{Namespace: namespace},
		Inputs:    events(e.Inputs, namespace),
		Outputs:   events(e.Outputs, namespace),
	}
	if e.Job != nil {
		r.Contexts = []*metadatav1.Context{contextOf(e.Job, namespace)}
	}
	switch {
	case e.Run != nil:
		r.Execution = execution(e, namespace)
	case e.Dataset != nil:
		r.Outputs = append(r.Outputs, events([]dataset{*e.Dataset}, namespace)...)
		r.Execution.Uid = prefix(namespace) + "dataset:" + uid(*e.Dataset)
		r.Execution.Name, r.Execution.Type = e.Dataset.Name, typeDataset
		r.Execution.State, r.Execution.FinishTime = metadatav1.Execution_STATE_COMPLETE, timestamppb.New(e.at)
	default:
		r.Execution.Uid = r.GetContexts()[0].GetUid()
		r.Execution.Name, r.Execution.Type = e.Job.Name, typeJob
		r.Execution.State, r.Execution.FinishTime = metadatav1.Execution_STATE_COMPLETE, timestamppb.New(e.at)
	}
	return r
}

// execution is the run of an event.
func execution(e *event, namespace string) *metadatav1.Execution {
	x := &metadatav1.Execution{
		Uid: strings.ToLower(e.Run.RunID), Namespace: namespace, Name: e.Job.Name, Type: typeRun, State: states[e.EventType],
		CustomProperties: withNamespace(properties("", e.Run.Facets), e.Job.Namespace),
	}
	switch e.EventType {
	case "START":
		x.StartTime = timestamppb.New(e.at)
	case "COMPLETE", "ABORT", "FAIL":
		x.FinishTime = timestamppb.New(e.at)
	}
	if parent, ok := e.Run.Facets["parent"]["run"].(map[string]any); ok {
		x.Context, _ = parent["runId"].(string)
	}
	return x
}

// contextOf is a job as a context.
func contextOf(j *job, namespace string) *metadatav1.Context {
	return &metadatav1.Context{
		Uid: prefix(namespace) + "job:" + j.Namespace + ":" + j.Name, Namespace: namespace, Name: j.Name, Type: typeJobContext,
		CustomProperties: withNamespace(properties("", j.Facets), j.Namespace),
	}
}

// events are datasets as artifacts, each under its full name.
func events(datasets []dataset, namespace string) []*metadatav1.ArtifactEvent {
	var all []*metadatav1.ArtifactEvent
	for _, d := range datasets {
		key := d.Namespace + "/" + d.Name
		if slices.ContainsFunc(all, func(e *metadatav1.ArtifactEvent) bool { return e.GetKey() == key }) {
			continue
		}
		custom := withNamespace(properties("", d.Facets), d.Namespace)
		maps.Copy(custom, properties("input.", d.InputFacets))
		maps.Copy(custom, properties("output.", d.OutputFacets))
		all = append(all, &metadatav1.ArtifactEvent{Key: key, Artifact: &metadatav1.Artifact{
			Uid: prefix(namespace) + uid(d), Namespace: namespace, Name: d.Name, Type: typeArtifact, Uri: uri(d), CustomProperties: custom,
		}})
	}
	return all
}

// uid tells a dataset, in the version that a facet says, from others.
func uid(d dataset) string {
	id := d.Namespace + ":" + d.Name
	if version, ok := d.Facets["version"]["datasetVersion"].(string); ok && version != "" {
		id += "@" + version
	}
	return id
}

// uri is where a dataset is, where its namespace is the beginning of a URI.
func uri(d dataset) string {
	if !strings.Contains(d.Namespace, "://") {
		return ""
	}
	return strings.TrimRight(d.Namespace, "/") + "/" + strings.TrimLeft(d.Name, "/")
}

// properties keeps facets as they are. One that says that it was deleted is kept
// with that.
func properties(before string, all facets) map[string]*metadatav1.Value {
	kept := make(map[string]*metadatav1.Value, len(all))
	for name, facet := range all {
		if s, err := structpb.NewStruct(facet); err == nil { // it came from JSON
			kept[before+name] = &metadatav1.Value{Kind: &metadatav1.Value_StructValue{StructValue: s}}
		}
	}
	return kept
}

// ownNamespace is the property that has the namespace which OpenLineage knows.
const ownNamespace = "openlineage.namespace"

func withNamespace(properties map[string]*metadatav1.Value, name string) map[string]*metadatav1.Value {
	properties[ownNamespace] = &metadatav1.Value{Kind: &metadatav1.Value_StringValue{StringValue: name}}
	return properties
}
