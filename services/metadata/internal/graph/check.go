package graph

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Check says everything that is wrong with a request: a uid that is missing, two
// events under one key and index, a time that cannot be stored.
func Check(request *metadatav1.PutExecutionRequest) error {
	var wrong []fault.Violation
	if request.GetExecution().GetUid() == "" {
		wrong = append(wrong, fault.Violation{Field: "execution.uid", Reason: "is empty; want an id of the execution that is the same at every attempt"})
	}
	wrong = checkTime(wrong, "execution.create_time", request.GetExecution().GetCreateTime())
	wrong = checkTime(wrong, "execution.start_time", request.GetExecution().GetStartTime())
	wrong = checkTime(wrong, "execution.finish_time", request.GetExecution().GetFinishTime())
	wrong = append(wrong, checkEvents("inputs", request.GetInputs())...)
	wrong = append(wrong, checkEvents("outputs", request.GetOutputs())...)
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
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
