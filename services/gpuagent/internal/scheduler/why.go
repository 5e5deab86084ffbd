package scheduler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
)

// verdict is what speaks against jobs of a shape whatever runs, as long as the
// layout is the same; nothing when its sentence is empty.
type verdict struct {
	reason
	sentence string
	layout   int64
}

// diagnose finds why the first job of a class does not fit, and says so.
func (s *Scheduler) diagnose(j *job, short shortage) (reason, string) {
	if !s.admissible(j) {
		return reason{kind: forQueue, hopeless: true}, fmt.Sprintf("waits for queue %s: there is none of that name", j.Queue)
	}
	if j.shape.verdict.layout != s.layout {
		why, sentence := s.judge(j)
		j.shape.verdict = verdict{reason: why, sentence: sentence, layout: s.layout}
	}
	if v := j.shape.verdict; v.sentence != "" {
		return v.reason, v.sentence
	}
	if asks, ceiling := j.leastCost(), j.queue.ceiling(); asks > ceiling {
		return reason{kind: forQuota, hopeless: true},
			fmt.Sprintf("waits for quota: it asks for %s, and queue %s may use %s at most", gpus(asks), j.Queue, number(ceiling))
	}
	if short == ofQuota {
		return reason{kind: forQuota}, s.quotaSentence(j)
	}
	return s.scarce(j)
}

// judge says what a job asks for that there is not, even when nothing else runs.
func (s *Scheduler) judge(j *job) (reason, string) {
	for i := range j.Groups {
		if why, sentence := s.impossible(j, i); sentence != "" {
			return why, sentence
		}
	}
	if sentence := s.tooLarge(j); sentence != "" {
		return reason{kind: forCluster, hopeless: true}, sentence
	}
	return reason{}, ""
}

// impossible says what a replica of a group asks for that no node has.
func (s *Scheduler) impossible(j *job, group int) (reason, string) {
	g, v := &j.Groups[group], j.shape.views[group]
	if sentence, hopeless := s.nowhere(v); sentence != "" {
		return reason{forNode, hopeless}, sentence
	}
	hopeless := reason{forNode, true}
	ask := func(what, want, have string, m *machine) (reason, string) {
		return hopeless, fmt.Sprintf("waits for a node with more %s: each replica of %s asks for %s, and node %s, the largest, has %s",
			what, g.Name, want, m.Name, have)
	}
	open := s.admitting(v)
	if m := largest(open, func(m *machine) int64 { return m.CPUMilli }); g.Need.CPUMilli > m.CPUMilli {
		return ask("CPUs", cores(g.Need.CPUMilli), cores(m.CPUMilli), m)
	}
	if m := largest(open, func(m *machine) int64 { return m.MemoryBytes }); g.Need.MemoryBytes > m.MemoryBytes {
		return ask("memory", size(g.Need.MemoryBytes), size(m.MemoryBytes), m)
	}
	of := func(m *machine) int64 { return int64(v.suitable(m)) }
	if m := largest(open, of); int64(g.Need.GPUs) > of(m) {
		return ask(gpuKind(g.Need.GPUModel), fmt.Sprint(g.Need.GPUs), fmt.Sprint(of(m)), m)
	}
	return reason{}, ""
}

// admitting is the machines that a view admits by name, whatever GPUs they have.
func (s *Scheduler) admitting(v *view) []*machine {
	if v.layout != s.layout {
		v.layout, v.open = s.layout, nil
		for _, m := range s.present() {
			if v.opens(m) {
				v.open = append(v.open, m)
			}
		}
	}
	return v.open
}

// present is the machines there are, by name.
func (s *Scheduler) present() []*machine {
	var list []*machine
	for _, m := range s.machines {
		if m != nil && m.present {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *machine) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// nowhere says what kind of node there is none of that a view admits, and whether
// it is no use to wait for one.
func (s *Scheduler) nowhere(v *view) (sentence string, hopeless bool) {
	all := s.present()
	if len(all) == 0 {
		return "waits for a node: there is none", false
	}
	var labeled, tolerated, open []*machine
	for _, m := range all {
		switch {
		case v.misses(m) != "":
		case v.repelled(m) != nil:
			labeled = append(labeled, m)
		case m.Cordoned:
			tolerated = append(tolerated, m)
		default:
			open = append(open, m)
		}
	}
	switch {
	case len(open) > 0:
		return "", false
	case len(tolerated) > 0:
		return fmt.Sprintf("waits for a node that takes jobs: %s cordoned", listed(names(tolerated))+are(len(tolerated))), false
	case len(labeled) > 0:
		taint := v.repelled(labeled[0])
		return fmt.Sprintf("waits for a node without taint %s, which node %s has and it does not tolerate", taint, labeled[0].Name), true
	}
	return s.unlabeled(v, all), true
}

// unlabeled says which label no node has that a view selects by.
func (s *Scheduler) unlabeled(v *view, all []*machine) string {
	if len(all) == 1 {
		key := v.misses(all[0])
		want := v.need.Selector[key]
		if has, ok := all[0].Labels[key]; ok {
			return fmt.Sprintf("waits for a node with label %s=%s: that of node %s is %s", key, want, all[0].Name, has)
		}
		return fmt.Sprintf("waits for a node with label %s=%s: node %s has no label %s", key, want, all[0].Name, key)
	}
	for _, key := range slices.Sorted(maps.Keys(v.need.Selector)) {
		want := v.need.Selector[key]
		if !slices.ContainsFunc(all, func(m *machine) bool { has, ok := m.Labels[key]; return ok && has == want }) {
			return fmt.Sprintf("waits for a node with label %s=%s: none of the %d nodes has it", key, want, len(all))
		}
	}
	return fmt.Sprintf("waits for a node with all the labels that it selects by: none of the %d nodes has all", len(all))
}

// tooLarge says that a gang does not fit even when nothing else runs.
func (s *Scheduler) tooLarge(j *job) string {
	left := j.gang()
	for i := range j.shape.runs {
		r := &j.shape.runs[i]
		want := min(r.count, left)
		left -= want
		fits, nodes := 0, s.admitting(r.view)
		for _, m := range nodes {
			fits += r.atMost(m)
		}
		if fits < want {
			return fmt.Sprintf("waits for a larger cluster: %s asks for %s, and when nothing else runs there is room for %d on %s",
				j.Groups[r.group].Name, r.asks(want), fits, count(len(nodes), "node"))
		}
	}
	return ""
}

// atMost is how many replicas of a run a machine has room for that runs nothing else.
func (r *run) atMost(m *machine) int {
	if r.need.CPUMilli > m.CPUMilli {
		return 0
	}
	n := r.count
	if r.need.GPUs > 0 {
		n = min(n, r.view.suitable(m)/int(r.need.GPUs))
	}
	if r.need.MemoryBytes > 0 {
		n = min(n, int(m.MemoryBytes/r.need.MemoryBytes))
	}
	return n
}

// asks says what some replicas of a run ask for together, such as "4 x 8 GPUs".
func (r *run) asks(replicas int) string {
	switch {
	case r.need.GPUs > 0 && r.need.MemoryBytes > 0:
		return fmt.Sprintf("%d x %s with %s", replicas, count(int(r.need.GPUs), "GPU"), size(r.need.MemoryBytes))
	case r.need.GPUs > 0:
		return fmt.Sprintf("%d x %s", replicas, count(int(r.need.GPUs), "GPU"))
	default:
		return fmt.Sprintf("%d x %s of memory", replicas, size(r.need.MemoryBytes))
	}
}

// suitable is how many GPUs of a machine suit the view, free or not, and healthy or not.
func (v *view) suitable(m *machine) int { return m.Suitable(&v.need) }

func (s *Scheduler) quotaSentence(j *job) string {
	a := j.queue
	sentence := fmt.Sprintf("waits for quota: queue %s has %s, uses %s and asks for %s", a.Name, gpus(a.quota()), number(a.used), number(j.leastCost()))
	if kept := a.promised; kept > 0 && j.claim == nil {
		sentence += fmt.Sprintf("; %s are kept for jobs that waited longer", number(kept))
	}
	switch room := a.room(); {
	case a.cohort == nil:
	case room > 0:
		sentence += fmt.Sprintf("; it may use %s more, borrowed ones of cohort %s included", number(room), a.Cohort)
	case a.BorrowingLimit != Unlimited && a.used >= (a.Quota+a.BorrowingLimit)*Whole:
		sentence += fmt.Sprintf("; it borrows %s of cohort %s and may borrow no more", number(a.borrowed()), a.Cohort)
	default:
		sentence += fmt.Sprintf("; nothing is left to borrow in cohort %s", a.Cohort)
	}
	return sentence
}

func names(list []*machine) []string {
	all := make([]string, len(list))
	for i, m := range list {
		all[i] = m.Name
	}
	return all
}

// largest is the first machine with the most of something.
func largest(list []*machine, of func(*machine) int64) *machine {
	best := list[0]
	for _, m := range list[1:] {
		if of(m) > of(best) {
			best = m
		}
	}
	return best
}

func cores(milli int64) string { return humanize.Ftoa(float64(milli) / 1000) }

func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }
