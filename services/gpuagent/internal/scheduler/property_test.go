package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestWhateverHappens drives two schedulers alike, at random, with everything that
// an owner may tell them, and holds each decision against the rules.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"set node":    w.setNode,
			"remove node": w.removeNode,
			"set queue":   w.setQueue,
			"forget":      w.removeQueue,
			"submit":      w.submit,
			"submit more": w.submit,
			"try now":     w.tryNow,
			"release":     w.release,
			"requeue":     w.requeue,
			"resize":      w.resize,
			"vacate":      w.vacate,
			"obey":        w.obey,
			"decide":      w.decide,
			"decide more": w.decide,
			"restart":     w.restart,
			"":            func(t *rapid.T) { audit(t, w.s) },
		})
	})
}

// world is what the owner of a scheduler knows.
type world struct {
	policy Policy
	now    time.Time
	s      *Scheduler
	twin   *Scheduler // is told the same, and must decide the same
	nodes  map[string]Node
	queues map[string]Queue
	jobs   map[string]Job
	held   map[string][]Slot
	parts  map[string]int // what GPUs count, by node and index, as last heard
	ending map[string]bool
	made   int
}

func newWorld(t *rapid.T) *world {
	policy := Policy{
		Patience:        rapid.SampledFrom([]time.Duration{0, -1, time.Second, 10 * time.Second}).Draw(t, "patience"),
		FairShare:       rapid.Bool().Draw(t, "fair share"),
		HalfLife:        rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "half-life"),
		KnownQueuesOnly: rapid.IntRange(0, 9).Draw(t, "known queues only") == 0,
	}
	return &world{
		policy: policy, now: start, s: New(policy), twin: New(policy),
		nodes: map[string]Node{}, queues: map[string]Queue{}, jobs: map[string]Job{}, held: map[string][]Slot{}, parts: map[string]int{}, ending: map[string]bool{},
	}
}

// both does to both schedulers the same.
func (w *world) both(do func(*Scheduler)) {
	do(w.s)
	do(w.twin)
}

func (w *world) setNode(t *rapid.T) {
	n := Node{
		Name:        fmt.Sprintf("n%d", rapid.IntRange(1, 5).Draw(t, "node")),
		CPUMilli:    rapid.Int64Range(1, 4).Draw(t, "cores") * 1000,
		MemoryBytes: rapid.Int64Range(0, 20).Draw(t, "memory"),
		Limit:       rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit"),
		Cordoned:    rapid.IntRange(0, 9).Draw(t, "cordoned") == 0,
		Labels:      map[string]string{"zone": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")},
	}
	if rapid.IntRange(0, 4).Draw(t, "tainted") == 0 {
		n.Taints = []Taint{{Key: "for", Value: "research"}}
	}
	kinds := [][2]string{{"NVIDIA A100", "nvidia"}, {"H100", "nvidia"}, {"Instinct MI300X", "amd"}, {"Tesla T4 SHARED", "nvidia"}}
	kind, other := rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.SampledFrom(kinds).Draw(t, "other kind")
	shares := rapid.IntRange(2, 5).Draw(t, "shares")
	mixed := rapid.IntRange(0, 2).Draw(t, "mixed") == 0
	for i := range rapid.SampledFrom([]int{0, 2, 4, 8, 8}).Draw(t, "gpus") {
		if mixed && i >= 3 {
			kind = other
		}
		n.GPUs = append(n.GPUs, GPU{Index: int32(i), Model: kind[0], Vendor: kind[1], Link: i / 2, Unhealthy: rapid.IntRange(0, 19).Draw(t, "unhealthy") == 0})
	}
	for i := range n.GPUs {
		n.GPUs[i].Part = 0
		if partOf(strings.ToLower(n.GPUs[i].Model)) != "" {
			n.GPUs[i].Part = SharePart(shares)
		}
		w.parts[fmt.Sprint(n.Name, n.GPUs[i].Index)] = n.GPUs[i].part()
	}
	w.nodes[n.Name] = n
	w.both(func(s *Scheduler) { s.SetNode(n) })
}

func (w *world) removeNode(t *rapid.T) {
	if name, ok := pick(t, w.nodes); ok {
		delete(w.nodes, name)
		w.both(func(s *Scheduler) { s.RemoveNode(name) })
	}
}

func (w *world) setQueue(t *rapid.T) {
	limit := func(name string, most int) int {
		return rapid.SampledFrom([]int{Unlimited, 0, 1, most / 2, most}).Draw(t, name)
	}
	q := Queue{
		Name:           fmt.Sprintf("q%d", rapid.IntRange(1, 4).Draw(t, "queue")),
		Cohort:         rapid.SampledFrom([]string{"", "c", "c", "d"}).Draw(t, "cohort"),
		Quota:          limit("quota", 8),
		BorrowingLimit: limit("borrowing limit", 8),
		LendingLimit:   limit("lending limit", 4),
		Weight:         rapid.SampledFrom([]float64{0, 1, 2}).Draw(t, "weight"),
		Preempt:        rapid.SampledFrom([]Reach{Nobody, LowerPriority}).Draw(t, "preempt"),
		Reclaim:        rapid.SampledFrom([]Reach{Nobody, LowerPriority, AnyPriority}).Draw(t, "reclaim"),
	}
	w.queues[q.Name] = q
	w.both(func(s *Scheduler) { s.SetQueue(q) })
}

func (w *world) removeQueue(t *rapid.T) {
	if name, ok := pick(t, w.queues); ok {
		delete(w.queues, name)
		w.both(func(s *Scheduler) { s.RemoveQueue(name) })
	}
}

func (w *world) job(t *rapid.T) Job {
	w.made++
	j := Job{
		UID: fmt.Sprintf("j%d", w.made), Name: fmt.Sprintf("j%d", w.made), Submitted: w.now.Add(time.Duration(w.made)),
		Queue:       fmt.Sprintf("q%d", rapid.IntRange(1, 4).Draw(t, "queue")),
		Priority:    rapid.Int32Range(1, 3).Draw(t, "priority"),
		Prefer:      fmt.Sprintf("n%d", rapid.IntRange(1, 5).Draw(t, "prefer")),
		Preemptible: rapid.Bool().Draw(t, "preemptible"),
	}
	replicas := 0
	for i := range rapid.IntRange(1, 2).Draw(t, "groups") {
		g := Group{
			Name: fmt.Sprintf("g%d", i), Count: rapid.IntRange(0, 4).Draw(t, "count"),
			Need: Need{
				CPUMilli:    rapid.Int64Range(0, 2).Draw(t, "cores") * 1000,
				MemoryBytes: rapid.Int64Range(0, 6).Draw(t, "memory"),
				GPUs:        rapid.SampledFrom([]int32{0, 1, 1, 2, 4, 8}).Draw(t, "gpus"),
			},
		}
		if rapid.IntRange(0, 3).Draw(t, "picky") == 0 {
			g.Need.GPUModel = rapid.SampledFrom([]string{"", "nvidia-h100", "nvidia", "amd", "shared", "shared"}).Draw(t, "model")
			g.Need.Selector = map[string]string{"zone": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")}
			g.Need.Tolerations = []Toleration{{Key: "for", Exists: true}}
		}
		replicas += g.count()
		j.Groups = append(j.Groups, g)
	}
	if rapid.Bool().Draw(t, "elastic") {
		j.GangMin = rapid.IntRange(1, replicas).Draw(t, "gang")
	}
	j.Together = rapid.IntRange(0, 3).Draw(t, "together") == 0
	w.jobs[j.UID] = j
	return j
}

func (w *world) submit(t *rapid.T) {
	j := w.job(t)
	w.both(func(s *Scheduler) { s.Submit(j) })
}

func (w *world) tryNow(t *rapid.T) {
	j := w.job(t)
	slots, ok := w.s.TryNow(j)
	again, okAgain := w.twin.TryNow(j)
	if ok != okAgain || spelled([]Decision{Place{Slots: slots}}) != spelled([]Decision{Place{Slots: again}}) {
		t.Fatalf("the same, told twice, was placed at %v and at %v", slots, again)
	}
	if !ok {
		delete(w.jobs, j.UID)
		return
	}
	w.placed(t, Place{UID: j.UID, Slots: slots})
}

func (w *world) release(t *rapid.T) {
	if uid, ok := pick(t, w.jobs); ok {
		w.end(uid)
		delete(w.jobs, uid)
		w.both(func(s *Scheduler) { s.Release(uid) })
	}
}

func (w *world) requeue(t *rapid.T) {
	if uid, ok := pick(t, w.held); ok {
		w.end(uid)
		w.both(func(s *Scheduler) { s.Requeue(uid) })
	}
}

// resize gives a job other numbers of replicas.
func (w *world) resize(t *rapid.T) {
	uid, ok := pick(t, w.jobs)
	if !ok {
		return
	}
	j := w.jobs[uid]
	j.Groups = slices.Clone(j.Groups)
	total := 0
	for i := range j.Groups {
		j.Groups[i].Count = rapid.IntRange(1, 5).Draw(t, "count")
		total += j.Groups[i].Count
	}
	if j.GangMin > 0 {
		j.GangMin = rapid.IntRange(1, total).Draw(t, "gang")
	}
	w.jobs[uid] = j
	w.both(func(s *Scheduler) { s.Resize(uid, j.Groups, j.GangMin) })
}

// vacate ends some replicas of a job that runs.
func (w *world) vacate(t *rapid.T) {
	uid, ok := pick(t, w.held)
	if !ok {
		return
	}
	held := w.held[uid]
	first := rapid.IntRange(0, len(held)-1).Draw(t, "first")
	ended := slices.Clone(held[first:rapid.IntRange(first+1, len(held)).Draw(t, "last")])
	w.held[uid] = slices.DeleteFunc(slices.Clone(held), func(at Slot) bool {
		return slices.ContainsFunc(ended, func(other Slot) bool { return other.Group == at.Group && other.Index == at.Index })
	})
	if len(w.held[uid]) == 0 {
		w.end(uid)
	}
	w.both(func(s *Scheduler) { s.Vacate(uid, ended) })
}

// obey ends a job that is to make room.
func (w *world) obey(t *rapid.T) {
	if uid, ok := pick(t, w.ending); ok {
		w.end(uid)
		w.both(func(s *Scheduler) { s.Requeue(uid) })
	}
}

func (w *world) end(uid string) {
	delete(w.held, uid)
	delete(w.ending, uid)
}

func (w *world) decide(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)
	decisions := w.s.Decide(w.now)
	if twin := w.twin.Decide(w.now); spelled(decisions) != spelled(twin) {
		t.Fatalf("the same, told twice, was decided as\n%s\nand as\n%s", spelled(decisions), spelled(twin))
	}
	for _, d := range decisions {
		switch d := d.(type) {
		case Place:
			w.placed(t, d)
		case Preempt:
			w.preempted(t, d)
		case Wait:
			if _, known := w.jobs[d.UID]; !known || d.Sentence == "" || d.Joins != (len(w.held[d.UID]) > 0) {
				t.Fatalf("it has %s wait: %q", d.UID, d.Sentence)
			}
		}
	}
	if again := w.s.Decide(w.now); len(again) > 0 {
		t.Fatalf("nothing has happened, and yet it decides\n%s", spelled(again))
	}
	w.twin.Decide(w.now)
	w.explained(t)
}

// explained checks that whoever waits knows why.
func (w *world) explained(t *rapid.T) {
	for uid := range w.jobs {
		if says := w.s.Why(uid); (says == "") != (len(w.held[uid]) > 0) {
			t.Fatalf("%s holds %v and waits because %q", uid, w.held[uid], says)
		}
	}
	waiting := 0
	for _, q := range w.s.Snapshot().Queues {
		waiting += len(q.Waiting)
	}
	if waiting != len(w.jobs)-len(w.held) {
		t.Fatalf("the snapshot has %d jobs wait, and %d do", waiting, len(w.jobs)-len(w.held))
	}
}

// restart has a new scheduler take over from what the owner knows.
func (w *world) restart(t *rapid.T) {
	s := w.s
	w.s, w.twin = New(w.policy), New(w.policy)
	w.both(func(s *Scheduler) {
		for _, uid := range slices.Sorted(maps.Keys(w.held)) { // what is held may be known before the nodes are
			s.Restore(w.jobs[uid], w.held[uid])
		}
		for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
			s.SetNode(w.nodes[name])
		}
		for _, name := range slices.Sorted(maps.Keys(w.queues)) {
			s.SetQueue(w.queues[name])
		}
		for _, uid := range slices.Sorted(maps.Keys(w.jobs)) {
			if len(w.held[uid]) == 0 {
				s.Submit(w.jobs[uid])
			}
		}
	})
	clear(w.ending) // they are told again, if need be
	if got, want := placements(w.s), placements(s); got != want {
		t.Fatalf("restored as\n%s\nwant\n%s", got, want)
	}
	w.forgetParts()
	for uid, j := range w.jobs {
		if got, want := w.s.jobs[uid].queue.used, w.use(j.Queue); got != want {
			t.Fatalf("restored, queue %s uses %d, want %d", j.Queue, got, want)
		}
	}
}

// forgetParts has what is held of a GPU that is gone count whole: nobody remembers what it was.
func (w *world) forgetParts() {
	for _, slots := range w.held {
		for _, at := range slots {
			for _, index := range at.GPUs {
				if !slices.ContainsFunc(w.nodes[at.Node].GPUs, func(gpu GPU) bool { return gpu.Index == index }) {
					w.parts[fmt.Sprint(at.Node, index)] = Whole
				}
			}
		}
	}
}

// holdings is who has what, and how much of it their queues use.
func holdings(s *Scheduler) string {
	text := placements(s)
	for _, a := range s.accounts {
		text += fmt.Sprintln(a.Name, a.used)
	}
	return text
}

// placements is who has what.
func placements(s *Scheduler) string {
	text := ""
	for _, uid := range slices.Sorted(maps.Keys(s.jobs)) {
		text += fmt.Sprintln(uid, s.jobs[uid].slots != nil, places(external(s.jobs[uid].slots)))
	}
	return text
}

// placed enters a placement, which must follow the rules.
func (w *world) placed(t *rapid.T, p Place) {
	j := w.jobs[p.UID]
	if p.Joins != (len(w.held[p.UID]) > 0) || len(p.Slots) == 0 || w.ending[p.UID] {
		t.Fatalf("%s holds %v, and it is placed at %v, joins: %v", p.UID, w.held[p.UID], p.Slots, p.Joins)
	}
	w.held[p.UID] = append(w.held[p.UID], p.Slots...)
	if gang := len(w.held[p.UID]); !p.Joins && gang < w.gang(j) {
		t.Fatalf("%d of the gang %s are placed, and it takes %d", gang, p.UID, w.gang(j))
	}
	seen := map[[2]int]bool{}
	for _, at := range w.held[p.UID] {
		if replica := [2]int{at.Group, at.Index}; seen[replica] {
			t.Fatalf("%s has a replica twice: %v", p.UID, replica)
		} else {
			seen[replica] = true
		}
	}
	for _, at := range p.Slots {
		if at.Index >= j.Groups[at.Group].count() {
			t.Fatalf("%s has no such replica: %v", p.UID, at)
		}
		w.checkSlot(t, j, at)
	}
	w.checkTogether(t, j, p)
	w.checkQuota(t, j, p)
}

// checkTogether has a job that is to be on one node be on one, if one is large enough.
func (w *world) checkTogether(t *rapid.T, j Job, p Place) {
	apart := slices.ContainsFunc(p.Slots, func(at Slot) bool { return at.Node != p.Slots[0].Node })
	if !j.Together || p.Joins || !apart {
		return
	}
	for name, n := range w.nodes {
		if largeEnough(n, j) {
			t.Fatalf("%s is placed at %v, and node %s is large enough for all of it", j.UID, p.Slots, name)
		}
	}
}

// largeEnough reports whether a node has what all replicas of a job ask for; of GPUs of several
// kinds it does not know.
func largeEnough(n Node, j Job) bool {
	var memory int64
	all := Need{GPUModel: j.Groups[0].Need.GPUModel}
	for _, g := range j.Groups {
		if n.Cordoned || len(n.Taints) > 0 && len(g.Need.Tolerations) == 0 || g.Need.CPUMilli > n.CPUMilli || g.Need.GPUModel != all.GPUModel {
			return false
		}
		if zone, picky := g.Need.Selector["zone"]; picky && zone != n.Labels["zone"] {
			return false
		}
		memory += int64(g.count()) * g.Need.MemoryBytes
		all.GPUs += int32(g.count()) * g.Need.GPUs
	}
	n.GPUs = slices.DeleteFunc(slices.Clone(n.GPUs), func(gpu GPU) bool { return gpu.Unhealthy })
	return memory <= n.MemoryBytes && (all.GPUs == 0 || int(all.GPUs) <= n.Suitable(&all))
}

func (w *world) gang(j Job) int {
	n := 0
	for _, g := range j.Groups {
		n += g.count()
	}
	if j.GangMin > 0 {
		return j.GangMin
	}
	return n
}

func (w *world) checkSlot(t *rapid.T, j Job, at Slot) {
	n, ok := w.nodes[at.Node]
	need := j.Groups[at.Group].Need
	if !ok || n.Cordoned || need.CPUMilli > n.CPUMilli || len(at.GPUs) != int(need.GPUs) {
		t.Fatalf("%s is placed at %v, which is %v", j.UID, at, n)
	}
	if len(n.Taints) > 0 && len(need.Tolerations) == 0 || len(need.Selector) > 0 && need.Selector["zone"] != n.Labels["zone"] {
		t.Fatalf("%s is placed at %v, which does not admit it", j.UID, at)
	}
	vendor := ""
	for _, index := range at.GPUs {
		i := slices.IndexFunc(n.GPUs, func(gpu GPU) bool { return gpu.Index == index })
		if i < 0 || n.GPUs[i].Unhealthy || !suits(n.GPUs[i], need.GPUModel) || vendor != "" && vendor != n.GPUs[i].Vendor {
			t.Fatalf("%s is given GPU %d of %s, which does not suit", j.UID, index, n.Name)
		}
		vendor = n.GPUs[i].Vendor
	}
	memory, tenants, holders := int64(0), 0, map[int32]int{}
	for uid, slots := range w.held {
		there := false
		for _, other := range slots {
			if other.Node != n.Name {
				continue
			}
			there = true
			memory += w.jobs[uid].Groups[other.Group].Need.MemoryBytes
			for _, index := range other.GPUs {
				holders[index]++
			}
		}
		if there {
			tenants++
		}
	}
	for _, index := range at.GPUs {
		if holders[index] != 1 {
			t.Fatalf("GPU %d of %s is held by %d", index, n.Name, holders[index])
		}
	}
	if memory > n.MemoryBytes && need.MemoryBytes > 0 {
		t.Fatalf("%s has %d of memory, and %d is promised", n.Name, n.MemoryBytes, memory)
	}
	if n.Limit > 0 && tenants > n.Limit && len(w.held[j.UID]) == 1 {
		t.Fatalf("%s runs %d jobs, and may run %d", n.Name, tenants, n.Limit)
	}
}

// use is how many GPUs the jobs of a queue hold.
func (w *world) use(queue string) int {
	n := 0
	for uid, slots := range w.held {
		for _, at := range slots {
			if w.jobs[uid].Queue == queue {
				for _, index := range at.GPUs {
					n += w.parts[fmt.Sprint(at.Node, index)]
				}
			}
		}
	}
	return n
}

func (w *world) checkQuota(t *rapid.T, j Job, p Place) {
	q, known := w.queues[j.Queue]
	if !known && w.policy.KnownQueuesOnly {
		t.Fatalf("%s is placed, and nobody has set its queue", j.UID)
	}
	asks := 0
	for _, at := range p.Slots {
		asks += len(at.GPUs)
	}
	used := w.use(j.Queue)
	if !known || asks == 0 || q.Quota == Unlimited {
		return
	}
	if q.Cohort == "" && used > q.Quota*Whole || q.Cohort != "" && q.BorrowingLimit != Unlimited && used > (q.Quota+q.BorrowingLimit)*Whole {
		t.Fatalf("queue %v uses %d", q, used)
	}
	lent, drawn := 0, 0
	for _, other := range w.queues {
		if other.Cohort != q.Cohort || q.Cohort == "" || other.Quota == Unlimited {
			continue
		}
		kept := 0
		if other.LendingLimit != Unlimited {
			kept = max(0, other.Quota-other.LendingLimit) * Whole
		}
		lent += other.Quota*Whole - kept
		drawn += max(0, w.use(other.Name)-kept)
		if other.Name == q.Name && used <= kept {
			return
		}
	}
	if drawn > lent {
		t.Fatalf("cohort %s lends %d, and %d are drawn", q.Cohort, lent, drawn)
	}
}

// preempted enters that a job is to make room, which must follow the rules.
func (w *world) preempted(t *rapid.T, p Preempt) {
	victim, by := w.jobs[p.UID], w.jobs[p.For]
	if !victim.Preemptible || len(w.held[p.UID]) == 0 || len(w.held[p.For]) > 0 || w.ending[p.UID] || p.Because == "" {
		t.Fatalf("%s is to make room for %s, which is %v", p.UID, p.For, by)
	}
	w.ending[p.UID] = true
	queue := func(name string) Queue {
		if q, known := w.queues[name]; known {
			return q
		}
		return ordinary(name)
	}
	from, to := queue(victim.Queue), queue(by.Queue)
	if victim.Priority < by.Priority && to.Preempt != Nobody && (from.Name == to.Name || from.Quota == Unlimited && to.Quota == Unlimited) {
		return
	}
	if from.Name != to.Name && from.Cohort == to.Cohort && from.Cohort != "" && w.use(from.Name) > from.Quota &&
		(to.Reclaim == AnyPriority || to.Reclaim == LowerPriority && victim.Priority < by.Priority) {
		return
	}
	t.Fatalf("%v of queue %v is to make room for %v of %v", victim, from, by, to)
}

// pick draws a key of a map.
func pick[T any](t *rapid.T, from map[string]T) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(t, "which"), true
}
