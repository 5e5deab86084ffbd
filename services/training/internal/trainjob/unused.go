package trainjob

import (
	"fmt"
	"slices"
	"time"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// What follows has no effect here. It is read so that what is of a wrong type, or lacks
// what must be there, is found all the same.

// podGroupPolicy says how pods are placed together, which replicas are anyway.
type podGroupPolicy struct {
	Coscheduling *struct {
		Timeout *int32 `json:"scheduleTimeoutSeconds"`
	} `json:"coscheduling"`
	Volcano *struct {
		Topology *struct {
			Mode *string `json:"mode"`
			Tier *int64  `json:"highestTierAllowed"`
		} `json:"networkTopology"`
	} `json:"volcano"`
}

// failureRule says what one sort of failure means for a set of jobs.
type failureRule struct {
	Name     string   `json:"name" needed:"yes"`
	Action   string   `json:"action" needed:"yes"`
	Reasons  []string `json:"onJobFailureReasons"`
	Patterns []string `json:"onJobFailureMessagePatterns"`
	Jobs     []string `json:"targetReplicatedJobs"`
}

// network is how pods of a set of jobs find one another.
type network struct {
	Hostnames *bool  `json:"enableDNSHostnames"`
	NotReady  *bool  `json:"publishNotReadyAddresses"`
	Subdomain string `json:"subdomain"`
}

// startupPolicy is the order in which jobs begin.
type startupPolicy struct {
	Order string `json:"startupPolicyOrder" needed:"yes"`
}

// coordinator names a pod that others look for.
type coordinator struct {
	Job      string `json:"replicatedJob" needed:"yes"`
	JobIndex int64  `json:"jobIndex"`
	PodIndex int64  `json:"podIndex"`
}

// podFailurePolicy says what failures of pods mean for their job.
type podFailurePolicy struct {
	Rules []struct {
		Action string `json:"action" needed:"yes"`
		Exits  *struct {
			Container *string `json:"containerName"`
			Operator  string  `json:"operator" needed:"yes"`
			Values    []int32 `json:"values" needed:"yes"`
		} `json:"onExitCodes"`
		Conditions []struct {
			Type   string `json:"type" needed:"yes"`
			Status string `json:"status"`
		} `json:"onPodConditions"`
	} `json:"rules" needed:"yes"`
}

// jobSuccessPolicy says when enough pods of a job have succeeded.
type jobSuccessPolicy struct {
	Rules []struct {
		Indexes *string `json:"succeededIndexes"`
		Count   *int32  `json:"succeededCount"`
	} `json:"rules" needed:"yes"`
}

// failureActions are what may follow from a failure.
var failureActions = []string{"FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts", "RestartJob", "RestartJobAndIgnoreMaxRestarts"}

// checkUnused says what is wrong with what has no effect here.
func (r *runtimeSpec) checkUnused(p *field.Problems) {
	const at = "spec.template.spec."
	one := func(path, value string, of ...string) {
		if !slices.Contains(of, value) {
			p.NotSupported(path, value, of...)
		}
	}
	if g := r.PodGroupPolicy; g != nil && g.Volcano != nil && g.Volcano.Topology != nil && g.Volcano.Topology.Mode != nil {
		one("spec.podGroupPolicy.volcano.networkTopology.mode", *g.Volcano.Topology.Mode, "hard", "soft")
	}
	s := r.Template.Spec
	if o := s.StartupPolicy; o != nil {
		one(at+"startupPolicy.startupPolicyOrder", o.Order, "AnyOrder", "InOrder")
		if o.Order == "InOrder" && slices.ContainsFunc(s.ReplicatedJobs, func(j replicatedJob) bool { return len(j.DependsOn) > 0 }) {
			p.Invalid("spec.template.spec", o.Order, "StartupPolicy and DependsOn APIs are mutually exclusive")
		}
	}
	if f := s.FailurePolicy; f != nil {
		if f.RestartStrategy != nil {
			one(at+"failurePolicy.restartStrategy", *f.RestartStrategy, "Recreate", "BlockingRecreate", "InPlaceRestart")
		}
		for i, rule := range f.Rules {
			one(fmt.Sprintf("%sfailurePolicy.rules[%d].action", at, i), rule.Action, failureActions...)
		}
	}
	if s.TTL != nil && *s.TTL < 0 {
		p.Invalid(at+"ttlSecondsAfterFinished", *s.TTL, "should be greater than or equal to 0")
	}
}

// checkTime says what is wrong with when a patch was made.
func checkTime(path string, at *string, p *field.Problems) {
	if at == nil {
		return
	}
	if _, err := time.Parse(time.RFC3339, *at); err != nil {
		p.Invalid(path, *at, "must be a time such as 2026-01-02T03:04:05Z")
	}
}
