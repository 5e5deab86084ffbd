package gpuagent

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/taint"
)

// checkPolicy says what is wrong with taints and with how the head schedules.
func (c Config) checkPolicy() []fault.Violation {
	var violations []fault.Violation
	for _, text := range c.NodeTaints {
		if _, err := taint.Parse(text); err != nil {
			violations = append(violations, fault.Violation{Field: "node-taints", Reason: err.Error()})
		}
	}
	if c.FairShareHalfLife < 0 {
		violations = append(violations, fault.Violation{Field: "fair-share-half-life", Reason: "is negative; want 0 or more"})
	}
	if c.FairShareHalfLife > 0 && !c.FairShare {
		violations = append(violations, fault.Violation{Field: "fair-share-half-life", Reason: "goes with fair-share: set that too"})
	}
	if c.QueuePatience <= 0 {
		violations = append(violations, fault.Violation{Field: "queue-patience", Reason: "want more than 0"})
	}
	return violations
}

// taints are those that the node has of itself. The configuration is valid.
func (c Config) taints() []*gpuagentv1.Taint {
	var all []*gpuagentv1.Taint
	for _, text := range c.NodeTaints {
		if t, err := taint.Parse(text); err == nil {
			all = append(all, t)
		}
	}
	return all
}

// policy is how the head schedules.
func (c Config) policy() scheduler.Policy {
	return scheduler.Policy{Patience: c.QueuePatience, FairShare: c.FairShare, HalfLife: c.FairShareHalfLife}
}
