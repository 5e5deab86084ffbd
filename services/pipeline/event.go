package pipeline

import (
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/store"
)

// runEvent makes the event of a change of a run: that it entered a state, or
// that it was deleted. That a finished run leaves the store is no event, nor that
// it comes back to be deleted.
func runEvent(change store.Change) (event.Event, bool) {
	before, had := runOf(change.Prev)
	after, has := runOf(change.Value)
	switch {
	case change.Deleted && had && before.GetDeleteRequested():
		return newRunEvent(path.Base(change.Key), before, "deleted", change.Revision), true
	case change.Deleted || !has || !had && after.GetDeleteRequested(),
		had && before.GetRun().GetState() == after.GetRun().GetState():
		return event.Event{}, false
	}
	what := strings.ToLower(after.GetRun().GetState().String())
	return newRunEvent(path.Base(change.Key), after, what, change.Revision), true
}

func newRunEvent(id string, run *pipelinev1.RunState, what string, revision int64) event.Event {
	const kind = "run"
	return event.Event{
		Source:  "/kfmesh/" + serviceName,
		Type:    "dev.kfmesh." + serviceName + "." + kind + "." + what,
		Subject: event.Subject{Service: serviceName, Kind: kind, Namespace: run.GetNamespace(), Name: id, What: what},
		Data: &eventv1.ResourceChanged{
			Service: serviceName, Kind: kind, Namespace: run.GetNamespace(), Name: id, Uid: id, What: what, Revision: revision,
			Details: details(run),
		},
	}
}

// details is what most who hear of a run want to know of it.
func details(run *pipelinev1.RunState) *structpb.Struct {
	r, s := run.GetRun(), &structpb.Struct{Fields: map[string]*structpb.Value{}}
	reference := r.GetPipelineVersionReference()
	for name, text := range map[string]string{
		"display_name":        r.GetDisplayName(),
		"experiment_id":       r.GetExperimentId(),
		"pipeline_name":       run.GetPipelineName(),
		"pipeline_id":         reference.GetPipelineId(),
		"pipeline_version_id": reference.GetPipelineVersionId(),
		"created_at":          moment(r.GetCreatedAt()),
		"finished_at":         moment(r.GetFinishedAt()),
		"error":               r.GetError().GetMessage(),
	} {
		if text != "" {
			s.Fields[name] = structpb.NewStringValue(text)
		}
	}
	return s
}

// moment is a time in RFC 3339, or nothing.
func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}

func runOf(value []byte) (*pipelinev1.RunState, bool) {
	run := &pipelinev1.RunState{}
	if value == nil || proto.Unmarshal(value, run) != nil {
		return nil, false
	}
	return run, true
}
