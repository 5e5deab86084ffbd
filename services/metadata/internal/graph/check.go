package graph

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Check says everything that is wrong with a request: a uid that is missing, two
// events under one key and index, a time that cannot be stored.
func Check(request *metadatav1.PutExecutionRequest) error { return refuse(check("", request)) }

// CheckAll says everything that is wrong with a batch.
func CheckAll(batch *metadatav1.PutExecutionsRequest) error {
	wrong := checkContexts("contexts", batch.GetContexts(), 0)
	for i, request := range batch.GetRequests() {
		wrong = append(wrong, check(fmt.Sprintf("requests[%d].", i), request)...)
	}
	return refuse(wrong)
}

// CheckContexts says everything that is wrong with contexts and what is above them.
func CheckContexts(contexts []*metadatav1.Context) error {
	return refuse(checkContexts("contexts", contexts, 0))
}

// maxAbove is how many contexts may be above one another.
const maxAbove = 10

func checkContexts(side string, contexts []*metadatav1.Context, above int) (wrong []fault.Violation) {
	if above > maxAbove {
		return []fault.Violation{{Field: side, Reason: fmt.Sprintf("is more than %d contexts above another", maxAbove)}}
	}
	for i, c := range contexts {
		path := fmt.Sprintf("%s[%d]", side, i)
		if c.GetUid() == "" {
			wrong = append(wrong, fault.Violation{Field: path + ".uid", Reason: "is empty; want an id of the context that is the same at every attempt"})
		}
		wrong = checkTime(wrong, path+".create_time", c.GetCreateTime())
		wrong = append(wrong, kind.Check(path+".properties", c.GetType(), c.GetProperties())...)
		wrong = append(wrong, kind.Check(path+".custom_properties", "", c.GetCustomProperties())...)
		wrong = append(wrong, checkContexts(path+".parents", c.GetParents(), above+1)...)
	}
	return wrong
}

func refuse(wrong []fault.Violation) error {
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}

// check checks the request whose fields are found under a prefix.
func check(prefix string, request *metadatav1.PutExecutionRequest) (wrong []fault.Violation) {
	if request.GetExecution().GetUid() == "" {
		wrong = append(wrong, fault.Violation{
			Field: prefix + "execution.uid", Reason: "is empty; want an id of the execution that is the same at every attempt",
		})
	}
	wrong = checkTime(wrong, prefix+"execution.create_time", request.GetExecution().GetCreateTime())
	wrong = checkTime(wrong, prefix+"execution.start_time", request.GetExecution().GetStartTime())
	wrong = checkTime(wrong, prefix+"execution.finish_time", request.GetExecution().GetFinishTime())
	e := request.GetExecution()
	wrong = append(wrong, kind.Check(prefix+"execution.properties", e.GetType(), e.GetProperties())...)
	wrong = append(wrong, kind.Check(prefix+"execution.custom_properties", "", e.GetCustomProperties())...)
	wrong = append(wrong, checkContexts(prefix+"contexts", request.GetContexts(), 0)...)
	wrong = append(wrong, checkEvents(prefix+"inputs", request.GetInputs())...)
	return append(wrong, checkEvents(prefix+"outputs", request.GetOutputs())...)
}

func checkEvents(side string, events []*metadatav1.ArtifactEvent) (wrong []fault.Violation) {
	type slot struct {
		key   string
		index int32
	}
	taken := make(map[slot]int, len(events))
	for i, event := range events {
		path := fmt.Sprintf("%s[%d]", side, i)
		if event.GetArtifact().GetUid() == "" {
			wrong = append(wrong, fault.Violation{Field: path + ".artifact.uid", Reason: "is empty; want an id of the artifact that is the same at every attempt"})
		}
		wrong = checkTime(wrong, path+".artifact.create_time", event.GetArtifact().GetCreateTime())
		wrong = append(wrong, kind.Check(path+".artifact.properties", event.GetArtifact().GetType(), event.GetArtifact().GetProperties())...)
		wrong = append(wrong, kind.Check(path+".artifact.custom_properties", "", event.GetArtifact().GetCustomProperties())...)
		at := slot{event.GetKey(), event.GetIndex()}
		if other, ok := taken[at]; ok {
			wrong = append(wrong, fault.Violation{
				Field: path, Reason: fmt.Sprintf("has the key %q and index %d of %s[%d]; want each once", at.key, at.index, side, other),
			})
		}
		taken[at] = i
	}
	return wrong
}

func checkTime(wrong []fault.Violation, path string, ts *timestamppb.Timestamp) []fault.Violation {
	if reason := sqlstore.CheckTime(ts); reason != "" {
		wrong = append(wrong, fault.Violation{Field: path, Reason: reason})
	}
	return wrong
}
