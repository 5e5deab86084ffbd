package lifecycle

import (
	"fmt"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// cameThrough is what a job says that it came through, one a word; what should not be, with a "!".
func (w *world) cameThrough() string {
	var all []string
	for _, h := range w.job.GetStatus().GetHappenings() {
		word := strings.TrimPrefix(h.GetReason(), w.job.GetKind())
		if h.GetWarning() {
			word += "!"
		}
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

func TestWhatAJobCameThroughIsRememberedOverItsAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, nil)
	w.look()
	for _, code := range []int32{3, 4} {
		w.end(1, code)
		w.look()
		w.pass()
	}
	w.job.Spec.RunPolicy = &trainingv1.RunPolicy{Suspend: true}
	w.look()
	w.endAll(gpuagentv1.Phase_PHASE_STOPPED)
	w.job.Spec.RunPolicy.Suspend = false
	w.look()
	s := w.present().GetStatus()
	s.Epoch, s.Phase, s.Message = 2, gpuagentv1.Phase_PHASE_PENDING, "waits to run anew: node n2 was lost"
	w.look()
	s.Message = "waits for memory"
	w.look()
	s.Phase, s.Message = gpuagentv1.Phase_PHASE_RUNNING, ""
	w.look()
	w.end(0, 0)
	w.look()
	want := "Created Running Restarting! Running Restarting! Running Suspended Resumed Running Disrupted! Restarting! Running Succeeded"
	if got := w.cameThrough(); got != want {
		t.Errorf("came through %s\nwant         %s", got, want)
	}
	all := w.job.GetStatus().GetHappenings()
	for i, text := range map[int]string{2: "exit status 3", 4: "exit status 4", 9: "node n2 was lost"} {
		if !strings.Contains(all[i].GetMessage(), text) {
			t.Errorf("%d: %v, want one of %s", i, all[i], text)
		}
	}
}

func TestWhatAJobWaitsForIsRememberedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, nil)
	w.job.Status = Begin(w.job, w.now)
	w.job.Status.Attempt = 1
	w.submit()
	s := w.present().GetStatus()
	for _, text := range []string{"", "waits for GPUs: 2 of 8 are free", "waits for GPUs: 4 of 8 are free"} {
		s.Phase, s.Message = gpuagentv1.Phase_PHASE_PENDING, text
		w.look()
	}
	s.Phase, s.Message = gpuagentv1.Phase_PHASE_RUNNING, ""
	w.look()
	if got, want := w.cameThrough(), "Created Waiting! Running"; got != want {
		t.Errorf("came through %s, want %s", got, want)
	}
	if h := w.job.GetStatus().GetHappenings()[1]; h.GetMessage() != "waits for GPUs: 2 of 8 are free" {
		t.Errorf("waited: %v", h)
	}
}

func TestTheLastThingsAJobCameThroughAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(onFailure, nil)
	w.look()
	for code := range int32(2 * keptHappenings) {
		w.end(1, code+1)
		w.look()
		w.pass()
	}
	all := w.job.GetStatus().GetHappenings()
	last := fmt.Sprintf("exit status %d", 2*keptHappenings)
	if len(all) != keptHappenings || !strings.HasSuffix(all[len(all)-2].GetMessage(), last) {
		t.Errorf("%d are kept, and the last but one is %v", len(all), all[len(all)-2])
	}
}
