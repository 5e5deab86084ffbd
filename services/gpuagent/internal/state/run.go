package state

import (
	"strconv"

	"github.com/google/uuid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// RunUID names one epoch of a workload: on disk, in orders and in reports. It is the
// workload's uid in the first epoch, and derived from it in later ones.
func RunUID(uid string, epoch int64) string {
	if epoch <= 1 {
		return uid
	}
	space, err := uuid.Parse(uid)
	if err != nil {
		space = uuid.NewSHA1(uuid.NameSpaceOID, []byte(uid))
	}
	return uuid.NewSHA1(space, []byte(strconv.FormatInt(epoch, 10))).String()
}

// RunOf names the present epoch of a workload.
func RunOf(w *gpuagentv1.Workload) string {
	return RunUID(w.GetMetadata().GetUid(), w.GetStatus().GetEpoch())
}

// RunKey is the key of the order to a node, and of its report.
func RunKey(node, run string) string { return node + "/" + run }

// OrdersOf are the orders to one node, by run.
func (s *State) OrdersOf(node string) *store.Collection[*gpuagentv1.Order] {
	return store.NewCollection[*gpuagentv1.Order](s.Backend, s.Orders.Prefix()+node+"/")
}

// ReportsOf are the reports of one node, by run.
func (s *State) ReportsOf(node string) *store.Collection[*gpuagentv1.Report] {
	return store.NewCollection[*gpuagentv1.Report](s.Backend, s.Reports.Prefix()+node+"/")
}

// Replicas is the number of replicas of a group.
func Replicas(group *gpuagentv1.ReplicaGroup) int { return max(1, int(group.GetCount())) }
