package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// TestRestartsLoseAndRepeatNothing cuts the engine off again and again while
// runs are under way. All end as they should, and every step was started once.
func TestRestartsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.KeptWorkloads = 3 // so that most are deleted while their run goes on
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if rand.IntN(4) == 0 {
			return nil // ends while no engine is there to see it
		}
		return obey(workload)
	}
	const runs, length = 4, 30
	var ids []string
	for range runs {
		ids = append(ids, w.create(chain(length), nil))
	}
	left := func() (n int) {
		for _, id := range ids {
			if !w.gone(id) {
				n++
			}
		}
		return n
	}
	const most = 40
	restarts := 0
	for ; left() > 0 && restarts < most; restarts++ {
		w.start()
		wait := time.NewTimer(rand.N(40 * time.Millisecond))
		<-wait.C
		w.stop()
		w.endRunning()
	}
	w.start()
	w.eventually("all runs leave the store", func() bool {
		w.endRunning()
		return left() == 0
	})
	for _, id := range ids {
		run := w.archived(id)
		if got := run.GetState().GetRun().GetState(); got != stateSucceeded {
			t.Errorf("the run is %s: %s", got, run.GetState().GetRun().GetError().GetMessage())
		}
		if got := len(run.GetTasks()); got != length+1 {
			t.Errorf("the archive has %d tasks, want %d", got, length+1)
		}
	}
	for name, starts := range w.agent.starts() {
		if starts != 1 {
			t.Errorf("%s was started %d times", name, starts)
		}
	}
	if got := len(w.agent.starts()); got != runs*length {
		t.Errorf("%d workloads were started, want %d", got, runs*length)
	}
	if restarts < 5 {
		t.Errorf("only %d restarts: the test tests little", restarts)
	}
	w.eventually("the workloads are deleted", func() bool { return len(w.agent.names()) == 0 })
}

// endRunning ends every workload that runs.
func (w *world) endRunning() {
	w.agent.mu.Lock()
	var running []*gpuagentv1.Workload
	for _, workload := range w.agent.workloads {
		if workload.GetStatus().GetFinishTime() == nil {
			running = append(running, workload)
		}
	}
	w.agent.mu.Unlock()
	for _, workload := range running {
		w.agent.end(workload.GetMetadata().GetName(), obey(w.agent.seen(workload)))
	}
}

func TestCancelOutlivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("quick", "ok")
	p.step("long", "sleep", "quick")
	w.start()
	id := w.create(p.spec(), nil)
	w.workload("long")
	w.stop()
	w.ask(id, func(r *pipelinev1.RunState) { r.CancelRequested = true })
	w.start()
	run := w.archived(id)
	if got := run.GetState().GetRun().GetState(); got != stateCanceled {
		t.Errorf("the run is %s", got)
	}
	w.eventually("the workloads are deleted", func() bool { return len(w.agent.names()) == 0 })
}
