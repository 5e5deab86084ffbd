package openlineage

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// event is a RunEvent, a DatasetEvent or a JobEvent: that of which it has the
// field run, dataset, or neither.
type event struct {
	EventType string    `json:"eventType"`
	EventTime string    `json:"eventTime"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
	Run       *run      `json:"run"`
	Job       *job      `json:"job"`
	Dataset   *dataset  `json:"dataset"`
	Inputs    []dataset `json:"inputs"`
	Outputs   []dataset `json:"outputs"`

	at time.Time // EventTime
}

type run struct {
	RunID  string `json:"runId"`
	Facets facets `json:"facets"`
}

type job struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Facets    facets `json:"facets"`
}

type dataset struct {
	Namespace    string `json:"namespace"`
	Name         string `json:"name"`
	Facets       facets `json:"facets"`
	InputFacets  facets `json:"inputFacets"`
	OutputFacets facets `json:"outputFacets"`
}

// facets are JSON objects by name.
type facets map[string]map[string]any

// eventTypes are the states of a run that events tell of.
var eventTypes = []string{"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}

// parse reads an event and says everything that is wrong with it.
func parse(content []byte) (*event, error) {
	e := new(event)
	if err := json.Unmarshal(content, e); err != nil {
		return nil, fault.Invalidf("", "the event is not the JSON of an OpenLineage event: %v", err)
	}
	if wrong := e.check(); len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
		return nil, fault.InvalidAll(wrong)
	}
	return e, nil
}

// check reads the time of an event and lists what is wrong with the event.
func (e *event) check() (wrong []fault.Violation) {
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Violation{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	var err error
	if e.at, err = time.Parse(time.RFC3339Nano, e.EventTime); err != nil {
		refuse("eventTime", "is %q; want a time in RFC 3339, such as 2026-01-02T03:04:05Z", e.EventTime)
	}
	for name, value := range map[string]string{"producer": e.Producer, "schemaURL": e.SchemaURL} {
		if value == "" {
			refuse(name, "is missing; want a URI")
		}
	}
	e.checkSubject(refuse)
	for side, datasets := range map[string][]dataset{"inputs": e.Inputs, "outputs": e.Outputs} {
		for i, d := range datasets {
			named(fmt.Sprintf("%s[%d]", side, i), d.Namespace, d.Name, refuse)
		}
	}
	return wrong
}

// checkSubject checks what an event is about: a run of a job, a dataset or a job.
func (e *event) checkSubject(refuse func(field, format string, args ...any)) {
	switch {
	case e.Run != nil && e.Dataset != nil:
		refuse("dataset", "is there beside run; want one of them")
	case e.Run != nil:
		if _, err := uuid.Parse(e.Run.RunID); err != nil {
			refuse("run.runId", "is %q; want a UUID", e.Run.RunID)
		}
		if e.EventType != "" && !slices.Contains(eventTypes, e.EventType) {
			refuse("eventType", "is %q; want one of %s", e.EventType, strings.Join(eventTypes, ", "))
		}
		if e.Job == nil {
			refuse("job", "is missing; want the job of the run")
		}
	case e.Dataset == nil && e.Job == nil:
		refuse("run", "is missing, and so are dataset and job; want one of them")
	}
	if e.Job != nil {
		named("job", e.Job.Namespace, e.Job.Name, refuse)
	}
	if e.Dataset != nil {
		named("dataset", e.Dataset.Namespace, e.Dataset.Name, refuse)
	}
}

func named(path, namespace, name string, refuse func(field, format string, args ...any)) {
	if namespace == "" {
		refuse(path+".namespace", "is missing")
	}
	if name == "" {
		refuse(path+".name", "is missing")
	}
}
