package openlineage

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

const (
	defaultDepth = 20
	deepest      = 100
	mostStarts   = 20  // versions of a dataset, or runs of a job, that a walk starts from: the newest
	mostLooked   = 200 // of one name that are looked at
)

// lineage answers what is around a node.
func (rc receiver) lineage(w http.ResponseWriter, r *http.Request) {
	graph, err := rc.around(r)
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"graph": graph})
}

func (rc receiver) around(r *http.Request) ([]*node, error) {
	query := r.URL.Query()
	kind, names, ok := parseNodeID(query.Get("nodeId"))
	if !ok {
		return nil, fault.Invalidf("nodeId", "is %q; want dataset:NAMESPACE:NAME or job:NAMESPACE:NAME", query.Get("nodeId"))
	}
	depth := defaultDepth
	if text := query.Get("depth"); text != "" {
		var err error
		if depth, err = strconv.Atoi(text); err != nil || depth < 1 {
			return nil, fault.Invalidf("depth", "is %q; want a number from 1 on", text)
		}
	}
	found := newFinding(r.Context(), rc.metadata, namespaceOf(r, nil))
	for _, n := range names {
		starts, err := found.starts(kind, n)
		if err != nil {
			return nil, err
		}
		if len(starts) == 0 {
			continue
		}
		for _, start := range starts {
			start.MaxHops = int32(min(depth, deepest))
			if err := found.walk(start); err != nil {
				return nil, err
			}
		}
		return found.nodes()
	}
	return nil, fault.NotFoundf("Node '%s' not found.", query.Get("nodeId"))
}

// finding is what was found for one request.
type finding struct {
	ctx        context.Context //nolint:containedctx // a finding is a request, and lives as long
	metadata   metadatav1.MetadataServiceClient
	namespace  string
	artifacts  map[int64]*metadatav1.Artifact
	executions map[int64]*metadatav1.Execution
	events     []*metadatav1.Event
	pipelines  map[string]string // name of the pipeline, by run
}

func newFinding(ctx context.Context, metadata metadatav1.MetadataServiceClient, namespace string) *finding {
	return &finding{
		ctx: ctx, metadata: metadata, namespace: namespace, artifacts: map[int64]*metadatav1.Artifact{},
		executions: map[int64]*metadatav1.Execution{}, pipelines: map[string]string{},
	}
}

// starts are the walks that begin at what has a name.
func (f *finding) starts(kind string, n name) ([]*metadatav1.GetLineageRequest, error) {
	if kind == nodeJob {
		return f.runsOf(n)
	}
	var starts []*metadatav1.GetLineageRequest
	for _, by := range lookups(n) {
		found, err := f.metadata.ListArtifacts(f.ctx, &metadatav1.ListArtifactsRequest{
			Filter: equals(by.key, by.value), OrderBy: "create_time desc", PageSize: mostLooked,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range found.GetArtifacts() {
			known := slices.ContainsFunc(starts, func(s *metadatav1.GetLineageRequest) bool { return s.GetArtifactId() == a.GetArtifactId() })
			if !known && len(starts) < mostStarts && nameOf(a) == n && orDefault(a.GetNamespace()) == f.namespace {
				starts = append(starts, &metadatav1.GetLineageRequest{ArtifactId: a.GetArtifactId()})
			}
		}
	}
	return starts, nil
}

type lookup struct{ key, value string }

// lookups are the ways in which artifacts that have a name are found.
func lookups(n name) []lookup {
	ways := []lookup{{"name", n.Name}}
	switch {
	case n.Namespace == "file":
		return append(ways, lookup{"uri", n.Name}, lookup{"uri", "file://" + n.Name})
	case strings.HasPrefix(n.Namespace, home):
		return append(ways, lookup{"uid", n.Name})
	case strings.Contains(n.Namespace, "://"):
		return append(ways, lookup{"uri", n.Namespace + "/" + n.Name})
	}
	return ways
}

func equals(key, value string) string {
	filter, _ := json.Marshal(map[string]any{ // texts are JSON
		"predicates": []any{map[string]string{"operation": "EQUALS", "key": key, "string_value": value}},
	})
	return string(filter)
}

// runsOf are the walks that begin at the newest runs of a job. That of a pipeline's
// task is called PIPELINE.TASK.
func (f *finding) runsOf(n name) ([]*metadatav1.GetLineageRequest, error) {
	last := n.Name
	if strings.HasPrefix(n.Namespace, home) {
		last = n.Name[strings.LastIndexByte(n.Name, '.')+1:]
	}
	found, err := f.metadata.ListExecutions(f.ctx, &metadatav1.ListExecutionsRequest{
		Filter: equals("name", last), OrderBy: "create_time desc", PageSize: mostLooked,
	})
	if err != nil {
		return nil, err
	}
	var starts []*metadatav1.GetLineageRequest
	for _, x := range found.GetExecutions() {
		if len(starts) == mostStarts || orDefault(x.GetNamespace()) != f.namespace {
			continue
		}
		job, err := f.jobOf(x)
		if err != nil {
			return nil, err
		}
		if job == n {
			starts = append(starts, &metadatav1.GetLineageRequest{ExecutionId: x.GetExecutionId()})
		}
	}
	return starts, nil
}

// jobOf is what OpenLineage calls the job of an execution by.
func (f *finding) jobOf(x *metadatav1.Execution) (name, error) {
	if own := x.GetCustomProperties()[ownNamespace].GetStringValue(); own != "" {
		return name{own, x.GetName()}, nil
	}
	n := name{home + orDefault(x.GetNamespace()), x.GetName()}
	if x.GetContext() == "" {
		return n, nil
	}
	pipeline, known := f.pipelines[x.GetContext()]
	if !known {
		of, err := f.metadata.GetContext(f.ctx, &metadatav1.GetContextRequest{Uid: x.GetContext()})
		if err != nil && !isNotFound(err) {
			return n, err
		}
		pipeline = of.GetProperties()["pipeline_name"].GetStringValue()
		f.pipelines[x.GetContext()] = pipeline
	}
	if pipeline != "" {
		n.Name = pipeline + "." + n.Name
	}
	return n, nil
}

// walk adds what a walk reaches.
func (f *finding) walk(start *metadatav1.GetLineageRequest) error {
	reached, err := f.metadata.GetLineage(f.ctx, start)
	if err != nil {
		return err
	}
	for _, a := range reached.GetArtifacts() {
		f.artifacts[a.GetArtifactId()] = a
	}
	for _, x := range reached.GetExecutions() {
		f.executions[x.GetExecutionId()] = x
	}
	f.events = append(f.events, reached.GetEvents()...)
	return nil
}

// nodes are the datasets and jobs that were found, each once, with what joins them.
// What is said of one is what the newest of its versions or runs says.
func (f *finding) nodes() ([]*node, error) {
	all := map[string]*node{}
	datasets, jobs := map[int64]name{}, map[int64]name{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(f.artifacts))) {
		n := nameOf(f.artifacts[id])
		if datasets[id] = n; all[n.id(nodeDataset)] == nil {
			all[n.id(nodeDataset)] = &node{ID: n.id(nodeDataset), Type: nodeDataset, Data: newDataset(n, f.artifacts[id]), In: []edge{}, Out: []edge{}}
		}
	}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(f.executions))) {
		n, err := f.jobOf(f.executions[id])
		if err != nil {
			return nil, err
		}
		if jobs[id] = n; all[n.id(nodeJob)] == nil {
			all[n.id(nodeJob)] = &node{ID: n.id(nodeJob), Type: nodeJob, Data: newJob(n, f.executions[id]), In: []edge{}, Out: []edge{}}
		}
	}
	for _, event := range f.events {
		join(all, event, datasets[event.GetArtifactId()], jobs[event.GetExecutionId()])
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *node) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// join adds the edge of an event to the nodes at its ends.
func join(all map[string]*node, event *metadatav1.Event, of, by name) {
	dataset, job := all[of.id(nodeDataset)], all[by.id(nodeJob)]
	if dataset == nil || job == nil {
		return
	}
	data, _ := job.Data.(*jobData)
	from, to, list := dataset, job, &data.Inputs
	if event.GetType() == metadatav1.Event_TYPE_OUTPUT {
		from, to, list = job, dataset, &data.Outputs
	}
	e := edge{Origin: from.ID, Destination: to.ID}
	from.Out, to.In = link(from.Out, e), link(to.In, e)
	if !slices.Contains(*list, of) {
		*list = append(*list, of)
	}
}

func isNotFound(err error) bool { return rpc.Status(err).Code() == codes.NotFound }
