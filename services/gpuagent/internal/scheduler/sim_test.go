package scheduler

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The cluster and the jobs of the simulation.
const (
	simNodes   = 1000
	simGPUs    = 8 // of each node
	simJobs    = 15_000
	simQueues  = 8
	simMeanRun = 40 * time.Minute
)

// BenchmarkPlacement simulates a cluster of 1,000 nodes with 8 GPUs each, whose
// queues lend to each other, under 15,000 jobs, most of them small and some gangs of
// up to 32 nodes, which ask for slightly more than there is. Times of jobs pass in
// the simulation; what is measured is the processor time of decisions.
func BenchmarkPlacement(b *testing.B) {
	for b.Loop() {
		sim := newSimulation(rand.New(rand.NewPCG(7, 11)), simNodes, LowerPriority)
		sim.run()
		sim.report(b)
	}
}

// TestSimulation runs the simulation of the benchmark, smaller, to its end.
func TestSimulation(t *testing.T) {
	sim := newSimulation(rand.New(rand.NewPCG(7, 11)), simNodes, LowerPriority)
	sim.jobs = sim.jobs[:500]
	sim.run()
	if len(sim.waits) != 500 {
		t.Errorf("%d of 500 jobs have run", len(sim.waits))
	}
	audit(t, sim.s)
}

// simulation is a cluster in which time passes from one event to the next.
type simulation struct {
	s     *Scheduler
	now   time.Time
	jobs  []Job // that are yet to come, the first first
	takes map[string]time.Duration
	ends  endings

	waits     []time.Duration
	wait      map[string]time.Time
	since     map[string]time.Time // when a job was placed
	places    int
	deciding  time.Duration
	slowest   time.Duration
	held      int           // GPUs
	gpuTime   float64       // GPU-seconds in use while more was asked for than there was
	busyTime  time.Duration // that was
	preempted int
	lost      float64 // GPU-seconds for which jobs ran that then had to begin anew
}

func newSimulation(random *rand.Rand, nodes int, reclaim Reach) *simulation {
	sim := &simulation{s: New(Policy{Patience: 10 * time.Minute}), now: start, takes: map[string]time.Duration{}, wait: map[string]time.Time{}, since: map[string]time.Time{}}
	for i := range nodes {
		sim.s.SetNode(node(fmt.Sprintf("gpu-%03d", i), simGPUs))
	}
	for i := range simQueues {
		sim.s.SetQueue(Queue{
			Name: fmt.Sprintf("team-%d", i), Cohort: "all", Quota: nodes * simGPUs / simQueues,
			BorrowingLimit: Unlimited, LendingLimit: Unlimited, Preempt: LowerPriority, Reclaim: reclaim,
		})
	}
	at := start
	for i := range simJobs {
		j, takes := randomJob(random, i)
		// A job asks for 7.2 GPUs on average, so they ask for a little more than there is.
		at = at.Add(time.Duration(random.ExpFloat64() * float64(simMeanRun) * 6.8 / float64(nodes) / simGPUs))
		j.Submitted = at
		sim.jobs = append(sim.jobs, j)
		sim.takes[j.UID] = takes
	}
	return sim
}

// randomJob makes a job and how long it runs.
func randomJob(random *rand.Rand, i int) (Job, time.Duration) {
	j := Job{
		UID: fmt.Sprintf("job-%05d", i), Name: fmt.Sprintf("job-%05d", i), Queue: fmt.Sprintf("team-%d", random.IntN(simQueues)),
		Priority: int32(1 + random.IntN(3)), Preemptible: random.IntN(2) == 0,
	}
	replicas, gpus := 1, 1
	switch n := random.IntN(100); {
	case n < 50:
	case n < 65:
		gpus = 2
	case n < 78:
		gpus = 4
	case n < 90:
		gpus = 8
	case n < 98:
		replicas, gpus = 2<<random.IntN(2), 8
	default:
		replicas, gpus = 8<<random.IntN(3), 8
	}
	j.Groups = []Group{{Name: "worker", Count: replicas, Need: Need{CPUMilli: int64(gpus) * 8000, MemoryBytes: int64(gpus) * 60 << 30, GPUs: int32(gpus)}}}
	if replicas > 4 && random.IntN(2) == 0 {
		j.GangMin = replicas / 2
	}
	return j, time.Duration(math.Exp(random.NormFloat64()) * float64(simMeanRun) / math.Sqrt(math.E))
}

// run lets all jobs come and end.
func (sim *simulation) run() {
	for len(sim.jobs) > 0 || sim.ends.Len() > 0 {
		sim.pass(sim.next())
		begun := time.Now()
		for len(sim.jobs) > 0 && !sim.jobs[0].Submitted.After(sim.now) {
			sim.wait[sim.jobs[0].UID] = sim.now
			sim.s.Submit(sim.jobs[0])
			sim.jobs = sim.jobs[1:]
		}
		for sim.ends.Len() > 0 && !sim.ends.list[0].at.After(sim.now) {
			sim.end(heap.Pop(&sim.ends).(ending))
		}
		decisions := sim.s.Decide(sim.now)
		took := time.Since(begun)
		sim.deciding += took
		sim.slowest = max(sim.slowest, took)
		for _, d := range decisions {
			sim.do(d)
		}
	}
}

// next is when something happens next.
func (sim *simulation) next() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if len(sim.jobs) > 0 {
		sooner(sim.jobs[0].Submitted)
	}
	if sim.ends.Len() > 0 {
		sooner(sim.ends.list[0].at)
	}
	sooner(sim.s.Next())
	return next
}

// pass lets time pass.
func (sim *simulation) pass(until time.Time) {
	if len(sim.jobs) > 0 && len(sim.wait) > 0 {
		sim.gpuTime += float64(sim.held) * until.Sub(sim.now).Seconds()
		sim.busyTime += until.Sub(sim.now)
	}
	sim.now = until
}

func (sim *simulation) end(e ending) {
	j := sim.s.jobs[e.uid]
	if j == nil || j.turn != e.turn {
		return // it was preempted meanwhile
	}
	sim.held -= j.gpus()
	if e.again {
		sim.lost += sim.now.Sub(e.since).Seconds() * float64(j.gpus())
		sim.s.Requeue(e.uid)
		sim.wait[e.uid] = sim.now
	} else {
		sim.s.Release(e.uid)
	}
}

func (sim *simulation) do(d Decision) {
	switch d := d.(type) {
	case Place:
		for _, at := range d.Slots {
			sim.held += len(at.GPUs)
		}
		sim.places++
		if d.Joins {
			return
		}
		if since, waited := sim.wait[d.UID]; waited {
			sim.waits = append(sim.waits, sim.now.Sub(since))
			delete(sim.wait, d.UID)
		}
		sim.since[d.UID] = sim.now
		heap.Push(&sim.ends, ending{uid: d.UID, at: sim.now.Add(sim.takes[d.UID]), turn: sim.s.jobs[d.UID].turn})
	case Preempt:
		sim.preempted++
		heap.Push(&sim.ends, ending{uid: d.UID, at: sim.now.Add(10 * time.Second), turn: sim.s.jobs[d.UID].turn, again: true, since: sim.since[d.UID]})
	}
}

func (sim *simulation) report(b *testing.B) {
	slices.Sort(sim.waits)
	var sum time.Duration
	for _, w := range sim.waits {
		sum += w
	}
	b.ReportMetric(float64(sim.places)/sim.deciding.Seconds(), "placements/s")
	b.ReportMetric(float64(sim.slowest.Microseconds())/1000, "slowest-ms")
	b.ReportMetric(100*sim.gpuTime/sim.busyTime.Seconds()/simNodes/simGPUs, "GPUs-%")
	b.ReportMetric(sum.Minutes()/float64(len(sim.waits)), "mean-wait-min")
	b.ReportMetric(sim.waits[len(sim.waits)*99/100].Minutes(), "p99-wait-min")
	b.ReportMetric(float64(sim.preempted), "preempted")
	b.ReportMetric(0, "ns/op")
}

// ending is when a job ends, and whether it is then to run again.
type ending struct {
	uid   string
	at    time.Time
	turn  int64
	again bool
	since time.Time // when it was placed; of those that are to run again
}

// endings is a heap, the first on top.
type endings struct{ list []ending }

func (e *endings) Len() int { return len(e.list) }
func (e *endings) Less(i, k int) bool {
	return cmp.Or(e.list[i].at.Compare(e.list[k].at), cmp.Compare(e.list[i].uid, e.list[k].uid)) < 0
}
func (e *endings) Swap(i, k int) { e.list[i], e.list[k] = e.list[k], e.list[i] }
func (e *endings) Push(x any)    { e.list = append(e.list, x.(ending)) }
func (e *endings) Pop() any {
	last := e.list[len(e.list)-1]
	e.list = e.list[:len(e.list)-1]
	return last
}

// BenchmarkStep places and releases one job after the other that asks for nothing,
// as steps of pipelines are, on one node of many.
func BenchmarkStep(b *testing.B) {
	s := New(Policy{})
	for i := range simNodes {
		s.SetNode(node(fmt.Sprintf("gpu-%03d", i), simGPUs))
	}
	step := gang("step", 1, 0)
	step.Prefer = "gpu-500"
	for b.Loop() {
		if _, ok := s.TryNow(step); !ok {
			b.Fatal("it was not placed")
		}
		s.Release(step.UID)
	}
}
