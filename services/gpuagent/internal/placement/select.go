package placement

import (
	"fmt"
	"maps"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// mismatch says which label a group selects its node by that this node does not
// have, and nothing when it has all.
func (b *Books) mismatch(group *gpuagentv1.ReplicaGroup) string {
	selector, labels := group.GetTemplate().GetNodeSelector(), b.node.GetMetadata().GetLabels()
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		want := selector[key]
		switch has, ok := labels[key]; {
		case !ok:
			return fmt.Sprintf("waits for a node with label %s=%s: node %s has no label %s", key, want, b.name(), key)
		case has != want:
			return fmt.Sprintf("waits for a node with label %s=%s: that of node %s is %s", key, want, b.name(), has)
		}
	}
	return ""
}
