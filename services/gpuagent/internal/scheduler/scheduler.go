package scheduler

import (
	"cmp"
	"slices"
	"time"
)

// Scheduler decides which jobs run where.
type Scheduler struct {
	policy Policy
	now    time.Time // of the last Decide
	next   time.Time // as Next returns it

	machines []*machine // by number; nil where a number is to be had
	byName   map[string]*machine
	gpus     int // of all that are present

	jobs     map[string]*job // by uid
	ending   []*job          // those that make room, the first told first
	classes  map[classKey]*class
	accounts []*account // by name
	cohorts  map[string]*cohort
	claims   []*claim // oldest first
	shapes   map[string]*shape
	views    map[string]*view // by appendConstraints

	epoch     int64 // grows when something was given back, so that what did not fit may
	layout    int64 // grows when nodes or queues change, so that what was hopeless may not be
	turn      int64 // of the job placed last
	fresh     []*job
	decisions []Decision
	scratch   []byte
	tally     []int // scratch; by number of the machine
}

// New returns a scheduler that knows of no node and no job.
func New(policy Policy) *Scheduler {
	return &Scheduler{
		policy: policy, epoch: 1, layout: 1,
		byName: map[string]*machine{}, jobs: map[string]*job{}, classes: map[classKey]*class{},
		cohorts: map[string]*cohort{}, shapes: map[string]*shape{}, views: map[string]*view{},
	}
}

// SetNode enters a node or what has changed of it. What jobs hold of it they keep.
// A node that is as it was changes nothing.
func (s *Scheduler) SetNode(n Node) {
	m := s.machine(n.Name)
	if m.present && m.Node.equal(&n) {
		return
	}
	m.leaveViews()
	m.describe(n)
	s.weigh(m)
	for _, v := range s.views {
		v.enter(m)
	}
	s.changeLayout()
	s.reviewClaims()
}

// RemoveNode takes a node out. Jobs that hold parts of it hold them until they are
// released: whether they still run, their owner knows.
func (s *Scheduler) RemoveNode(name string) {
	m := s.byName[name]
	if m == nil || !m.present {
		return
	}
	m.leaveViews()
	m.present = false
	s.changeLayout()
	s.reviewClaims()
	s.tidy(m)
}

// machine finds the machine of a name, or makes one that is not present.
func (s *Scheduler) machine(name string) *machine {
	if m := s.byName[name]; m != nil {
		return m
	}
	m := &machine{Node: Node{Name: name}, tenants: map[*job]int{}}
	m.number = slices.Index(s.machines, nil)
	if m.number < 0 {
		m.number = len(s.machines)
		s.machines = append(s.machines, nil)
	}
	s.machines[m.number] = m
	s.byName[name] = m
	return m
}

// tidy forgets what is gone of a machine and was given back: its GPUs, or all of it.
func (s *Scheduler) tidy(m *machine) {
	if m.trim() {
		s.changeLayout()
	}
	if !m.present && m.idle() {
		s.machines[m.number] = nil
		delete(s.byName, m.Name)
	}
}

// SetQueue enters a queue or what has changed of it.
func (s *Scheduler) SetQueue(q Queue) {
	a := s.account(q.Name)
	a.Queue, a.known = q, true
	s.regroup()
	s.changeLayout()
}

// RemoveQueue forgets a queue. Its jobs stay.
func (s *Scheduler) RemoveQueue(name string) {
	a := s.account(name)
	a.Queue, a.known = ordinary(name), false
	s.forgetAccount(a)
	s.regroup()
	s.changeLayout()
}

// account finds the queue of a name, or makes it.
func (s *Scheduler) account(name string) *account {
	i, found := slices.BinarySearchFunc(s.accounts, name, func(a *account, name string) int { return cmp.Compare(a.Name, name) })
	if !found {
		s.accounts = slices.Insert(s.accounts, i, &account{Queue: ordinary(name), victims: map[int32]int{}})
	}
	return s.accounts[i]
}

// forgetAccount forgets a queue that nobody has set and that has no jobs.
func (s *Scheduler) forgetAccount(a *account) {
	if !a.known && a.jobs == 0 {
		s.accounts = slices.DeleteFunc(s.accounts, func(other *account) bool { return other == a })
	}
}

// Submit enters a job that waits. One that is known already stays as it is.
func (s *Scheduler) Submit(submitted Job) {
	if s.jobs[submitted.UID] != nil {
		return
	}
	j := s.enter(submitted)
	s.wait(j)
	s.fresh = append(s.fresh, j)
}

// enter makes a job known.
func (s *Scheduler) enter(submitted Job) *job {
	j := &job{Job: submitted}
	if j.Queue == "" {
		j.Queue = DefaultQueue
	}
	j.queue = s.account(j.Queue)
	if j.Priority == 0 {
		j.Priority = j.queue.DefaultPriority
	}
	j.queue.jobs++
	j.shape = s.shapeOf(&j.Job)
	s.jobs[j.UID] = j
	return j
}

// forget makes a job unknown.
func (s *Scheduler) forget(j *job) {
	delete(s.jobs, j.UID)
	j.queue.jobs--
	s.forgetAccount(j.queue)
}

// TryNow places a job at once, if it fits and nothing waits that must be looked at
// before it. Otherwise the job is not entered: Submit it.
func (s *Scheduler) TryNow(submitted Job) ([]Slot, bool) {
	if s.jobs[submitted.UID] != nil || s.pending() {
		return nil, false
	}
	j := s.enter(submitted)
	if s.admissible(j) {
		if slots, short := s.fit(j); short == enough {
			s.place(j, slots)
			return external(j.slots), true
		}
	}
	s.forget(j)
	return nil, false
}

// pending reports whether something waits that may fit by now.
func (s *Scheduler) pending() bool {
	for _, a := range s.accounts {
		if slices.ContainsFunc(a.classes, s.open) {
			return true
		}
	}
	return slices.ContainsFunc(s.claims, s.ripe)
}

// Restore enters a job with what it holds since before the owner was started anew,
// also where that is more than there is. What it holds of a GPU that is gone by now counts as a whole one.
func (s *Scheduler) Restore(restored Job, held []Slot) {
	if s.jobs[restored.UID] != nil {
		return
	}
	j := s.enter(restored)
	slots := make([]slot, len(held))
	for i, at := range held {
		slots[i] = slot{Slot: at, m: s.machine(at.Node)}
		slots[i].m.hold(j, &slots[i])
		slots[i].cost = slots[i].m.cost(at.GPUs)
		j.queue.charge(slots[i].cost, 0)
	}
	s.settle(j, slots)
}

// Release forgets a job that has ended, or that waits and is no longer wanted. It
// may be repeated.
func (s *Scheduler) Release(uid string) {
	if j := s.jobs[uid]; j != nil {
		s.vacate(j)
		s.forget(j)
	}
}

// Requeue takes everything from a job that no longer runs and has it wait again, in
// the place that its age gives it.
func (s *Scheduler) Requeue(uid string) {
	if j := s.jobs[uid]; j != nil {
		s.vacate(j)
		s.wait(j)
		s.fresh = append(s.fresh, j)
	}
}

// vacate takes from a job everything it has, and out of where it waits.
func (s *Scheduler) vacate(j *job) {
	s.leave(j)
	if j.claim != nil {
		s.withdraw(j.claim)
	}
	if j.placed() {
		s.countVictim(j, -1)
		s.lift(j)
		j.queue.running = slices.DeleteFunc(j.queue.running, func(other *job) bool { return other == j })
		s.ending = slices.DeleteFunc(s.ending, func(other *job) bool { return other == j })
		for i := range j.slots {
			s.tidy(j.slots[i].m)
		}
		for _, c := range s.claims {
			delete(c.behind, j)
		}
		s.wake()
	}
	j.slots, j.ending, j.told = nil, false, reason{}
}

// wake has everything that did not fit be tried again.
func (s *Scheduler) wake() { s.epoch++ }

// changeLayout is wake after nodes or queues have changed.
func (s *Scheduler) changeLayout() {
	s.layout++
	s.gpus = 0
	for _, m := range s.machines {
		if m != nil && m.present {
			for _, gpu := range m.GPUs {
				s.gpus += gpu.part()
			}
		}
	}
	s.wake()
}

// Next is when Decide is to be called though nothing has happened; the zero time
// when that is never.
func (s *Scheduler) Next() time.Time { return s.next }
