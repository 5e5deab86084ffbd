package openlineage

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Types of nodes, as ids begin with them in lower case.
const (
	nodeDataset = "DATASET"
	nodeJob     = "JOB"
)

// name is what OpenLineage calls a dataset or a job by.
type name struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// id is the id of a node.
func (n name) id(kind string) string {
	return strings.ToLower(kind) + ":" + n.Namespace + ":" + n.Name
}

// parseNodeID reads dataset:NAMESPACE:NAME or job:NAMESPACE:NAME. Both parts may hold
// colons, so it returns every way to read it, those that cut no URL first.
func parseNodeID(id string) (kind string, names []name, ok bool) {
	prefix, rest, _ := strings.Cut(id, ":")
	kind = strings.ToUpper(prefix)
	var doubtful []name
	for i := len(rest) - 1; i > 0; i-- {
		if rest[i] != ':' || i == len(rest)-1 {
			continue
		}
		n := name{rest[:i], rest[i+1:]}
		if after := rest[i+1]; strings.HasPrefix(rest[i+1:], "//") || after >= '0' && after <= '9' {
			doubtful = append(doubtful, n)
		} else {
			names = append(names, n)
		}
	}
	names = append(names, doubtful...)
	return kind, names, (kind == nodeDataset || kind == nodeJob) && len(names) > 0
}

// nameOf is what OpenLineage calls an artifact by: what an event called it, or the
// place and the path in it, as events that kfmesh sends have it.
func nameOf(a *metadatav1.Artifact) name {
	if own := a.GetCustomProperties()[ownNamespace].GetStringValue(); own != "" {
		return name{own, a.GetName()}
	}
	u, err := url.Parse(a.GetUri())
	switch {
	case a.GetUri() == "" || err != nil:
		return name{home + orDefault(a.GetNamespace()), a.GetUid()}
	case u.Scheme == "" || u.Scheme == "file":
		return name{"file", u.Path}
	}
	return name{u.Scheme + "://" + u.Host, strings.TrimPrefix(u.Path, "/")}
}

func orDefault(namespace string) string {
	if namespace == "" {
		return defaultNamespace
	}
	return namespace
}

// node is a dataset or a job in Marquez' answer.
type node struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data any    `json:"data"`
	In   []edge `json:"inEdges"`
	Out  []edge `json:"outEdges"`
}

type edge struct {
	Origin      string `json:"origin"`
	Destination string `json:"destination"`
}

// described is what Marquez says of datasets and of jobs.
type described struct {
	ID        name    `json:"id"`
	Type      string  `json:"type"`
	Name      string  `json:"name"`
	Namespace string  `json:"namespace"`
	CreatedAt *string `json:"createdAt"`
	UpdatedAt *string `json:"updatedAt"`
}

type datasetData struct {
	described
	PhysicalName string `json:"physicalName"`
	SourceName   string `json:"sourceName"`
	Fields       []any  `json:"fields"`
	Tags         []any  `json:"tags"`
	Deleted      bool   `json:"deleted"`
}

type jobData struct {
	described
	SimpleName string   `json:"simpleName"`
	Inputs     []name   `json:"inputs"`
	Outputs    []name   `json:"outputs"`
	LatestRun  *runData `json:"latestRun"`
}

type runData struct {
	ID        string  `json:"id"`
	State     string  `json:"state"`
	StartedAt *string `json:"startedAt"`
	EndedAt   *string `json:"endedAt"`
}

func newDataset(n name, a *metadatav1.Artifact) *datasetData {
	d := &datasetData{described: describe(n, "DB_TABLE", a.GetCreateTime()), PhysicalName: n.Name, SourceName: n.Namespace, Fields: []any{}, Tags: []any{}}
	if schema := a.GetCustomProperties()["schema"].GetStructValue(); schema != nil {
		if fields, ok := schema.AsMap()["fields"].([]any); ok {
			d.Fields = fields
		}
	}
	return d
}

func newJob(n name, x *metadatav1.Execution) *jobData {
	return &jobData{
		described: describe(n, "BATCH", x.GetCreateTime()), SimpleName: n.Name, Inputs: []name{}, Outputs: []name{}, LatestRun: &runData{
			ID: x.GetUid(), State: runStates[x.GetState()], StartedAt: moment(x.GetStartTime()), EndedAt: moment(x.GetFinishTime()),
		},
	}
}

func describe(n name, kind string, created *timestamppb.Timestamp) described {
	at := moment(created)
	return described{ID: n, Type: kind, Name: n.Name, Namespace: n.Namespace, CreatedAt: at, UpdatedAt: at}
}

// runStates are Marquez' names of the states of a run.
var runStates = map[metadatav1.Execution_State]string{
	metadatav1.Execution_STATE_UNSPECIFIED: "NEW",
	metadatav1.Execution_STATE_RUNNING:     "RUNNING",
	metadatav1.Execution_STATE_COMPLETE:    "COMPLETED",
	metadatav1.Execution_STATE_CACHED:      "COMPLETED",
	metadatav1.Execution_STATE_FAILED:      "FAILED",
	metadatav1.Execution_STATE_CANCELED:    "ABORTED",
}

// moment is a time as JSON has it, null when there is none.
func moment(t *timestamppb.Timestamp) *string {
	if t == nil {
		return nil
	}
	text := t.AsTime().Format(time.RFC3339Nano)
	return &text
}

// link adds an edge to a list, once.
func link(edges []edge, e edge) []edge {
	if slices.Contains(edges, e) {
		return edges
	}
	return append(edges, e)
}
