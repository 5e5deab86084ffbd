package engine

import (
	"maps"
	"slices"
	"sync"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
)

// board is what is known of the workloads of jobs.
type board struct {
	synced chan struct{} // closed once all that exist are known

	mu   sync.Mutex
	once bool                                     // guarded by mu; synced is closed
	jobs map[string]map[part]*gpuagentv1.Workload // guarded by mu; by uid of the job
}

// part is a stage of an attempt, which is one workload.
type part struct{ attempt, stage int32 }

func partOf(w *gpuagentv1.Workload) part { return part{launch.NumberOf(w), launch.StageOf(w)} }

func newBoard() *board {
	return &board{synced: make(chan struct{}), jobs: map[string]map[part]*gpuagentv1.Workload{}}
}

func jobOf(w *gpuagentv1.Workload) string { return w.GetMetadata().GetLabels()[launch.LabelJob] }

// set takes in a workload as it is by now.
func (b *board) set(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.jobs[jobOf(w)] == nil {
		b.jobs[jobOf(w)] = map[part]*gpuagentv1.Workload{}
	}
	b.jobs[jobOf(w)][partOf(w)] = w
}

// add takes in a workload as it was when it was submitted, unless more is known.
func (b *board) add(w *gpuagentv1.Workload) {
	if b.get(jobOf(w), partOf(w)) == nil {
		b.set(w)
	}
}

func (b *board) remove(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.jobs[jobOf(w)], partOf(w))
	if len(b.jobs[jobOf(w)]) == 0 {
		delete(b.jobs, jobOf(w))
	}
}

// get returns the workload of a stage of an attempt; nil when there is none.
func (b *board) get(uid string, which part) *gpuagentv1.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jobs[uid][which]
}

// of returns the workloads of a job.
func (b *board) of(uid string) []*gpuagentv1.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*gpuagentv1.Workload, 0, len(b.jobs[uid]))
	for _, w := range b.jobs[uid] {
		all = append(all, w)
	}
	return all
}

// last returns, of each stage of a job, the workload of the last attempt, in order.
func (b *board) last(uid string) []*gpuagentv1.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	attempts := map[int32]int32{}
	for p := range b.jobs[uid] {
		attempts[p.stage] = max(attempts[p.stage], p.attempt)
	}
	all := make([]*gpuagentv1.Workload, 0, len(attempts))
	for _, stage := range slices.Sorted(maps.Keys(attempts)) {
		all = append(all, b.jobs[uid][part{attempts[stage], stage}])
	}
	return all
}

// all returns the workloads of all jobs.
func (b *board) all() []*gpuagentv1.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*gpuagentv1.Workload
	for _, attempts := range b.jobs {
		for _, w := range attempts {
			all = append(all, w)
		}
	}
	return all
}

// sync notes that all that exist are known.
func (b *board) sync() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.once {
		b.once = true
		close(b.synced)
	}
}
