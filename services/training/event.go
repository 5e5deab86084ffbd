package training

import (
	"strings"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/store"
)

// jobEvent makes the event of a change of a job: that it entered a state, or that it
// was deleted.
func jobEvent(change store.Change) (event.Event, bool) {
	before, had := jobOf(change.Prev)
	after, has := jobOf(change.Value)
	switch {
	case change.Deleted && had:
		return newJobEvent(before, "deleted", change.Revision), true
	case change.Deleted || !has || stateOf(after) == "" || had && stateOf(before) == stateOf(after):
		return event.Event{}, false
	}
	return newJobEvent(after, stateOf(after), change.Revision), true
}

// stateOf is the last condition of a job that holds, in lower case.
func stateOf(job *trainingv1.TrainingJob) string {
	last := ""
	for _, c := range job.GetStatus().GetConditions() {
		if c.GetStatus() {
			last = c.GetType()
		}
	}
	return strings.ToLower(last)
}

func newJobEvent(job *trainingv1.TrainingJob, what string, revision int64) event.Event {
	kind, m := strings.ToLower(job.GetKind()), job.GetMetadata()
	return event.Event{
		Source:  "/kfmesh/" + serviceName,
		Type:    "dev.kfmesh." + serviceName + "." + kind + "." + what,
		Subject: event.Subject{Service: serviceName, Kind: kind, Namespace: m.GetNamespace(), Name: m.GetName(), What: what},
		Data: &eventv1.ResourceChanged{
			Service: serviceName, Kind: kind, Namespace: m.GetNamespace(), Name: m.GetName(), Uid: m.GetUid(), What: what, Revision: revision,
		},
	}
}

func jobOf(value []byte) (*trainingv1.TrainingJob, bool) {
	job := &trainingv1.TrainingJob{}
	if value == nil || proto.Unmarshal(value, job) != nil {
		return nil, false
	}
	return job, true
}
