package gpuagent

import (
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// workloadEvent makes the event of a change of a workload: that it entered a
// phase, or that it was deleted. A short workload's RUNNING is never stored, and
// so is no event.
func workloadEvent(change store.Change) (event.Event, bool) {
	before, had := workloadOf(change.Prev)
	if change.Deleted {
		if !had {
			return event.Event{}, false
		}
		return newEvent(before, "deleted", change.Revision), true
	}
	after, has := workloadOf(change.Value)
	if !has || had && before.GetStatus().GetPhase() == after.GetStatus().GetPhase() {
		return event.Event{}, false
	}
	return newEvent(after, state.PhaseName(after.GetStatus().GetPhase()), change.Revision), true
}

func newEvent(w *gpuagentv1.Workload, what string, revision int64) event.Event {
	const kind = "workload"
	m := w.GetMetadata()
	return event.Event{
		Source:  "/kfmesh/" + serviceName,
		Type:    "dev.kfmesh." + serviceName + "." + kind + "." + what,
		Subject: event.Subject{Service: serviceName, Kind: kind, Namespace: m.GetNamespace(), Name: m.GetName(), What: what},
		Data: &eventv1.ResourceChanged{
			Service: serviceName, Kind: kind, Namespace: m.GetNamespace(), Name: m.GetName(), Uid: m.GetUid(),
			What: what, Revision: revision,
		},
	}
}

func workloadOf(value []byte) (*gpuagentv1.Workload, bool) {
	w := &gpuagentv1.Workload{}
	if value == nil || proto.Unmarshal(value, w) != nil {
		return nil, false
	}
	return w, true
}
