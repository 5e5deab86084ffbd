package mirror

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
)

// Statuses of tracked runs, as they are stored.
const (
	running  = "RUNNING"
	finished = "FINISHED"
	failed   = "FAILED"
	killed   = "KILLED"
)

// Tags that say what a mirrored run is.
const (
	tagName     = "mlflow.runName"
	tagParent   = "mlflow.parentRunId"
	tagSource   = "mlflow.source.name"
	tagKind     = "mlflow.source.type"
	tagRun      = "kfmesh.run_id"
	tagTask     = "kfmesh.task_id"
	tagPipeline = "kfmesh.pipeline"
	tagCached   = "kfmesh.cached"
)

// Limits of tracking.
const (
	maxKey   = 250
	maxParam = 6000
	maxTag   = 8000
)

// pair is a tag or parameter.
type pair struct{ key, value string }

// run is a tracked run that something is to be.
type run struct {
	index      int   // of its request
	known      int64 // number, when it was there before
	num        int64 // number, once it is stored
	id         string
	reused     string // id of the tracked run of the task that it was answered with
	experiment *experiment
	name       string
	status     string
	started    int64 // milliseconds since 1970
	ended      int64 // likewise; 0 while it has not
	tags       []pair
	params     []pair
	metrics    []*metadatav1.Metric
	logged     []*metadatav1.Metric // by itself, beside those
	datasets   []dataset
	models     []model
}

// source is the id of the run that has what the task logged.
func (r *run) source() string { return cmp.Or(r.reused, r.id) }

// experiment is a tracked experiment that something is to be.
type experiment struct {
	id        int64
	namespace string
	name      string
	place     string // where its artifacts go, once it is stored
}

// dataset is data that a run reads.
type dataset struct{ name, digest, source string }

// plan is what tracking is to have of a batch.
type plan struct {
	parents map[string]*run // by id
	tasks   []*run
}

// ids are those of all runs, sorted.
func (p *plan) ids() []string {
	ids := slices.Collect(maps.Keys(p.parents))
	for _, t := range p.tasks {
		ids = append(ids, t.id)
		if t.reused != "" {
			ids = append(ids, t.reused)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// planOf says what tracking is to have of executions.
func planOf(batch graph.Batch) *plan {
	p := &plan{parents: map[string]*run{}}
	for i, request := range batch.Requests {
		of := pipelineRun(request.GetContexts())
		if of == nil {
			of = pipelineRun(batch.Contexts)
		}
		if of == nil || request.GetExecution().GetState() == metadatav1.Execution_STATE_UNSPECIFIED {
			continue
		}
		id := trackid.Run(of.GetUid())
		if p.parents[id] == nil {
			p.parents[id] = parentOf(of)
		}
		p.tasks = append(p.tasks, taskOf(i, request, of, p.parents[id]))
	}
	return p
}

func pipelineRun(contexts []*metadatav1.Context) *metadatav1.Context {
	return ofType(contexts, kind.PipelineRun)
}

func ofType(contexts []*metadatav1.Context, typeName string) *metadatav1.Context {
	i := slices.IndexFunc(contexts, func(c *metadatav1.Context) bool { return c.GetType() == typeName })
	if i < 0 {
		return nil
	}
	return contexts[i]
}

// parentOf is the tracked run that a pipeline run is.
func parentOf(c *metadatav1.Context) *run {
	properties := c.GetProperties()
	r := &run{
		id:         trackid.Run(c.GetUid()),
		experiment: experimentOf(c),
		name:       c.GetName(),
		status:     running,
		started:    cmp.Or(properties["start_time"].GetIntValue(), millis(c.GetCreateTime())),
		params:     paramsOf(properties["parameters"].GetStructValue()),
	}
	r.tags = []pair{{tagName, r.name}, {tagRun, c.GetUid()}}
	if pipeline := properties["pipeline_name"].GetStringValue(); pipeline != "" {
		r.tags = append(r.tags, pair{tagPipeline, pipeline}, pair{tagSource, pipeline}, pair{tagKind, "JOB"})
	}
	return r
}

// experimentOf is the tracked experiment of a pipeline run; one that is of none is
// of the default one.
func experimentOf(c *metadatav1.Context) *experiment {
	of := ofType(c.GetParents(), kind.Experiment)
	e := &experiment{
		namespace: cmp.Or(of.GetNamespace(), c.GetNamespace(), "default"),
		name:      cmp.Or(of.GetName(), "Default"),
	}
	id := trackid.Experiment(e.namespace, cmp.Or(of.GetUid(), e.namespace), e.name)
	e.id, _ = strconv.ParseInt(id, 10, 64) // it is a decimal number
	return e
}

// taskOf is the tracked run that a task is.
func taskOf(index int, request *metadatav1.PutExecutionRequest, of *metadatav1.Context, parent *run) *run {
	e := request.GetExecution()
	t := &run{
		index:      index,
		id:         trackid.Task(e.GetUid()),
		experiment: parent.experiment,
		name:       e.GetName(),
		started:    cmp.Or(millis(e.GetStartTime()), millis(e.GetCreateTime()), millis(e.GetFinishTime())),
		params:     paramsOf(e.GetInputParameters()),
		tags:       []pair{{tagName, e.GetName()}, {tagParent, parent.id}, {tagRun, of.GetUid()}, {tagTask, e.GetUid()}},
	}
	t.status = statusOf(e.GetState())
	if t.status != running {
		t.ended = cmp.Or(millis(e.GetFinishTime()), t.started)
		t.metrics = metricsOf(request.GetOutputs(), t.ended)
		t.models = modelsOf(request)
	}
	if e.GetState() == metadatav1.Execution_STATE_CACHED {
		t.tags = append(t.tags, pair{tagCached, "true"})
		if origin := origin(e); origin != "" {
			t.reused = trackid.Task(origin)
		}
	}
	t.datasets = datasetsOf(request.GetInputs())
	return t
}

// CachedFrom is the custom property of an execution that says which one it was
// answered with.
const CachedFrom = "cached_from"

// origin is the uid of the execution that one was answered with; empty is unknown.
func origin(e *metadatav1.Execution) string {
	return e.GetCustomProperties()[CachedFrom].GetStringValue()
}

func statusOf(state metadatav1.Execution_State) string {
	switch state {
	case metadatav1.Execution_STATE_COMPLETE, metadatav1.Execution_STATE_CACHED:
		return finished
	case metadatav1.Execution_STATE_FAILED:
		return failed
	case metadatav1.Execution_STATE_CANCELED:
		return killed
	}
	return running
}

// paramsOf makes parameters of values: text as it is, anything else as JSON.
func paramsOf(values *structpb.Struct) []pair {
	var params []pair
	for _, name := range slices.Sorted(maps.Keys(values.GetFields())) {
		value := values.GetFields()[name]
		text, isText := value.GetKind().(*structpb.Value_StringValue)
		if isText {
			params = append(params, pair{key(name), cut(text.StringValue, maxParam)})
			continue
		}
		encoded, err := json.Marshal(value.AsInterface())
		if err != nil {
			continue // not a number, which no parameter is
		}
		params = append(params, pair{key(name), cut(string(encoded), maxParam)})
	}
	return params
}

// datasetsOf are the datasets among what an execution read.
func datasetsOf(inputs []*metadatav1.ArtifactEvent) []dataset {
	var all []dataset
	for _, event := range inputs {
		a := event.GetArtifact()
		if a.GetType() != kind.Dataset || a.GetName() == "" {
			continue
		}
		source, err := json.Marshal(map[string]string{"uri": a.GetUri()})
		if err != nil {
			continue // two texts are JSON
		}
		d := dataset{name: cut(a.GetName(), maxDatasetName), digest: digestOf(a), source: string(source)}
		if !slices.ContainsFunc(all, func(o dataset) bool { return o.name == d.name && o.digest == d.digest }) {
			all = append(all, d)
		}
	}
	return all
}

func millis(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMilli()
}
