package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestReclaimCosts simulates a cluster that stays full, all of whose jobs may be stopped,
// under each way in which queues may take their quotas back, and says what it costs: how
// many jobs were stopped and begun anew, and how much work was done for nothing. Only a
// queue that takes nothing back costs none; and its jobs do not wait for ever.
func TestReclaimCosts(t *testing.T) {
	const nodes, jobs = 50, 4000
	costs := map[Reach]int{}
	for reclaim, name := range map[Reach]string{Nobody: "never", LowerPriority: "lower", AnyPriority: "any"} {
		sim := newSimulation(rand.New(rand.NewPCG(7, 11)), nodes, reclaim)
		sim.jobs = slices.DeleteFunc(sim.jobs, func(j Job) bool { return j.Groups[0].Count > 8 })[:jobs]
		for i := range sim.jobs {
			sim.jobs[i].Preemptible, sim.jobs[i].Priority = true, 1
		}
		begun := sim.now
		sim.run()
		slices.Sort(sim.waits)
		costs[reclaim] = sim.preempted
		t.Logf("reclaim %-5s: %4d of %d jobs stopped, %4.1f%% of the GPUs' time for nothing, all done in %s, a wait of %s is exceeded by 1 in 100",
			name, sim.preempted, jobs, 100*sim.lost/(sim.now.Sub(begun).Seconds()*nodes*simGPUs), sim.now.Sub(begun).Round(time.Minute),
			sim.waits[len(sim.waits)*99/100].Round(time.Minute))
	}
	if costs[Nobody] != 0 || costs[LowerPriority] != 0 || costs[AnyPriority] == 0 {
		t.Errorf("jobs of equal priority were stopped so often: %v", costs)
	}
}

// TestNobodyPreemptsForEver has jobs that never end be placed, and stop one another, in
// queues of all kinds: after a while nothing happens any more.
func TestNobodyPreemptsForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 4).Draw(t, "nodes") {
			w.setNode(t)
		}
		for range rapid.IntRange(0, 6).Draw(t, "queues") {
			w.setQueue(t)
		}
		jobs := rapid.IntRange(1, 14).Draw(t, "jobs")
		for range jobs {
			j := w.job(t)
			j.Preemptible = true
			w.jobs[j.UID] = j
			w.both(func(s *Scheduler) { s.Submit(j) })
		}
		history := ""
		for round := 0; ; round++ {
			w.now = w.now.Add(time.Second)
			decisions := w.s.Decide(w.now)
			for _, d := range decisions {
				if p, ok := d.(Preempt); ok {
					history += fmt.Sprintf("%d: %s makes room for %s\n", round, p.UID, p.For)
					w.s.Requeue(p.UID)
				}
			}
			next := w.s.Next()
			if len(decisions) == 0 && (next.IsZero() || round > jobs*jobs) {
				return
			}
			if round > 100+10*jobs*jobs {
				t.Fatalf("%d jobs that never end are still stopped for one another after %d rounds:\n%s", jobs, round, history)
			}
		}
	})
}
