package emit

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// What events say of themselves.
const (
	producer   = "https://github.com/kfmesh/kfmesh"
	schemaURL  = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	parentURL  = "https://openlineage.io/spec/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet"
	dataSchema = "https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
	jobTypeURL = "https://openlineage.io/spec/facets/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
)

// The parts of a RunEvent.
type (
	event struct {
		EventType string    `json:"eventType"`
		EventTime string    `json:"eventTime"`
		Producer  string    `json:"producer"`
		SchemaURL string    `json:"schemaURL"`
		Run       run       `json:"run"`
		Job       job       `json:"job"`
		Inputs    []dataset `json:"inputs"`
		Outputs   []dataset `json:"outputs"`
	}
	run struct {
		RunID  string         `json:"runId"`
		Facets map[string]any `json:"facets,omitempty"`
	}
	job struct {
		Namespace string         `json:"namespace"`
		Name      string         `json:"name"`
		Facets    map[string]any `json:"facets,omitempty"`
	}
	dataset struct {
		Namespace string         `json:"namespace"`
		Name      string         `json:"name"`
		Facets    map[string]any `json:"facets,omitempty"`
	}
)

// ends are the types of the events that end a run, by the state of the execution.
var ends = map[string]string{
	metadatav1.Execution_STATE_COMPLETE.String(): "COMPLETE",
	metadatav1.Execution_STATE_CACHED.String():   "COMPLETE",
	metadatav1.Execution_STATE_FAILED.String():   "FAIL",
	metadatav1.Execution_STATE_CANCELED.String(): "ABORT",
}

// news says which events an execution that was last told in another state, or not
// yet, is news of.
func news(state, told string) (start, end bool) {
	return told == "", ends[state] != "" && told != state
}

// lastOf is the state in which an execution was told last, once that was news.
func lastOf(state, told string) string {
	if start, end := news(state, told); start || end {
		return state
	}
	return told
}

// eventsOf are the events of an execution in a state: its start, its end, or both.
// The execution is the first that was reached.
func eventsOf(state string, starts, isEnded bool, reached *metadatav1.GetLineageResponse, contexts []*metadatav1.Context) []event {
	e := reached.GetExecutions()[0]
	base := event{
		Producer: producer, SchemaURL: schemaURL,
		Run: run{RunID: runID(e.GetUid())},
		Job: job{
			Namespace: home(e.GetNamespace()), Name: e.GetName(),
			Facets: map[string]any{"jobType": map[string]any{
				"_producer": producer, "_schemaURL": jobTypeURL, "processingType": "BATCH", "integration": "KFMESH", "jobType": "TASK",
			}},
		},
		Inputs: []dataset{}, Outputs: []dataset{},
	}
	for _, c := range contexts {
		pipeline := c.GetProperties()["pipeline_name"].GetStringValue()
		if pipeline == "" {
			continue
		}
		base.Job.Name = pipeline + "." + e.GetName()
		base.Run.Facets = map[string]any{"parent": map[string]any{
			"_producer": producer, "_schemaURL": parentURL, "run": map[string]any{"runId": runID(c.GetUid())},
			"job": map[string]any{"namespace": base.Job.Namespace, "name": pipeline},
		}}
	}
	artifacts := make(map[int64]*metadatav1.Artifact, len(reached.GetArtifacts()))
	for _, a := range reached.GetArtifacts() {
		artifacts[a.GetArtifactId()] = a
	}
	start := base
	for _, touched := range reached.GetEvents() {
		if touched.GetExecutionId() != e.GetExecutionId() || artifacts[touched.GetArtifactId()] == nil {
			continue
		}
		d := datasetOf(artifacts[touched.GetArtifactId()])
		if touched.GetType() == metadatav1.Event_TYPE_OUTPUT {
			base.Outputs = append(base.Outputs, d)
		} else {
			base.Inputs = append(base.Inputs, d)
		}
	}
	start.Inputs = base.Inputs
	start.EventType, start.EventTime = "START", moment(e.GetStartTime(), e.GetCreateTime())
	base.EventType, base.EventTime = ends[state], moment(e.GetFinishTime(), e.GetCreateTime())
	var all []event
	if starts {
		all = append(all, start)
	}
	if isEnded {
		all = append(all, base)
	}
	return all
}

// home is the namespace of what is of a namespace of kfmesh.
func home(namespace string) string { return "kfmesh://" + cmp.Or(namespace, "default") }

// runID is the uid of an execution as a UUID.
func runID(uid string) string {
	if id, err := uuid.Parse(uid); err == nil {
		return id.String()
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(uid)).String()
}

// datasetOf names an artifact as OpenLineage does: by the place and the path in it.
func datasetOf(a *metadatav1.Artifact) dataset {
	d := dataset{Facets: facetsOf(a)}
	u, err := url.Parse(a.GetUri())
	switch {
	case a.GetUri() == "" || err != nil:
		d.Namespace, d.Name = home(a.GetNamespace()), a.GetUid()
	case u.Scheme == "" || u.Scheme == "file":
		d.Namespace, d.Name = "file", u.Path
	default:
		d.Namespace, d.Name = u.Scheme+"://"+u.Host, strings.TrimPrefix(u.Path, "/")
	}
	return d
}

// moment is the first time that there is.
func moment(times ...*timestamppb.Timestamp) string {
	for _, t := range times {
		if t != nil {
			return t.AsTime().Format(time.RFC3339Nano)
		}
	}
	return time.Unix(0, 0).UTC().Format(time.RFC3339Nano)
}
