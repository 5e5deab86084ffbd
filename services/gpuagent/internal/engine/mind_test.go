package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

func TestAFailureStopsTheOthersAfterAMoment(t *testing.T) {
	t.Parallel()
	exit := failure(reasonExit, "exit status 1")
	for name, tt := range map[string]struct {
		result      result
		independent bool
		done        bool // whether the other replica has done what there was to do
		now, later  bool // whether the others are stopped by then
	}{
		"it failed by itself":    {exit, false, false, false, true},
		"its node was lost":      {failure(runtime.ReasonNodeLost, "gone"), false, false, true, true},
		"it could not start":     {failure(runtime.ReasonStart, "no such program"), false, false, true, true},
		"it can be done without": {exit, true, false, false, false},
		"the work is done":       {exit, false, true, false, false},
		"it went well":           {result{phase: gpuagentv1.Phase_PHASE_SUCCEEDED}, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				group := &gpuagentv1.ReplicaGroup{Name: "main", Count: 2, Independent: tt.independent}
				l := newLife(&Engine{}, &gpuagentv1.Workload{
					Spec:   &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{group}},
					Status: &gpuagentv1.WorkloadStatus{Replicas: []*gpuagentv1.ReplicaStatus{{Group: "main"}, {Group: "main", Index: 1}}},
				})
				if tt.done {
					l.w.Spec.Success = &gpuagentv1.Success{Group: "main", Rule: gpuagentv1.SuccessRule_SUCCESS_RULE_ANY}
					l.w.Status.Replicas[1].Phase = gpuagentv1.Phase_PHASE_SUCCEEDED
				}
				l.mind(0, tt.result)
				stopped := func() bool { return errors.Is(context.Cause(l.stopping), errSibling) }
				if stopped() != tt.now {
					t.Errorf("at once: stopped %t, want %t", !tt.now, tt.now)
				}
				<-time.After(2 * lastMoment)
				if stopped() != tt.later {
					t.Errorf("later: stopped %t, want %t", !tt.later, tt.later)
				}
				l.stop(nil)
			})
		})
	}
}
