package scheduler

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// site runs what a scheduler places, for as long as each job takes.
type site struct {
	s       *Scheduler
	now     time.Time
	took    map[string]time.Duration
	ends    map[string]time.Time
	started map[string]time.Time
}

func newSite(s *Scheduler) *site {
	return &site{s: s, now: start, took: map[string]time.Duration{}, ends: map[string]time.Time{}, started: map[string]time.Time{}}
}

func (w *site) submit(j Job, takes time.Duration) {
	j.Submitted = w.now
	w.took[j.UID] = takes
	w.s.Submit(j)
}

// tick lets a second pass.
func (w *site) tick() {
	w.now = w.now.Add(time.Second)
	for uid, end := range w.ends {
		if !end.After(w.now) {
			delete(w.ends, uid)
			w.s.Release(uid)
		}
	}
	for _, d := range w.s.Decide(w.now) {
		switch d := d.(type) {
		case Place:
			if !d.Joins {
				w.started[d.UID] = w.now
				w.ends[d.UID] = w.now.Add(w.took[d.UID])
			}
		case Preempt:
			delete(w.ends, d.UID)
			w.s.Requeue(d.UID)
		}
	}
}

// TestNobodyStarves has small jobs arrive without end, more than there is room
// for. The large ones among them start within the bound that the package
// promises: patience, and the time that what runs then takes at most.
func TestNobodyStarves(t *testing.T) {
	const patience, longest = time.Minute, 2 * time.Minute
	tests := []struct {
		name  string
		fills int // small jobs that there is room for
		setup func(*Scheduler)
		large Job
	}{
		{"GPUs of all nodes", 32, func(*Scheduler) {}, gang("large", 4, 8)},
		{"a whole node", 32, func(*Scheduler) {}, gang("large", 1, 8)},
		{"memory", 32, func(*Scheduler) {}, Job{UID: "large", Groups: []Group{{Name: "main", Need: Need{MemoryBytes: 500 << 30}}}}},
		{"quota", 16, func(s *Scheduler) { s.SetQueue(Queue{Name: DefaultQueue, Quota: 16}) }, gang("large", 2, 8)},
		{"what it lent to others", 32, func(s *Scheduler) {
			s.SetQueue(Queue{Name: DefaultQueue, Cohort: "c", Quota: 8, BorrowingLimit: Unlimited, LendingLimit: Unlimited})
			s.SetQueue(Queue{Name: "owner", Cohort: "c", Quota: 24, BorrowingLimit: 0, LendingLimit: Unlimited})
		}, with(gang("large", 3, 8), func(j *Job) { j.Queue = "owner" })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cluster(Policy{Patience: patience}, 8, 8, 8, 8)
			tt.setup(s)
			w := newSite(s)
			random := rand.New(rand.NewPCG(1, 2))
			for second := range int((patience+longest)/time.Second) + 3 {
				if second == 1 {
					w.submit(tt.large, time.Hour)
				}
				arrive := 3
				if second == 0 {
					arrive = tt.fills
				}
				for i := range arrive {
					small := gang(fmt.Sprintf("small-%d-%d", second, i), 1, 1)
					small.Groups[0].Need.MemoryBytes = 30 << 30
					w.submit(small, time.Minute+time.Duration(random.Int64N(int64(longest-time.Minute))))
				}
				w.tick()
				if got := w.started["large"]; !got.IsZero() {
					if s.Why("large") != "" {
						t.Errorf("it runs, and waits for %q", s.Why("large"))
					}
					return
				}
			}
			t.Errorf("it has not started: %s", s.Why("large"))
		})
	}
}
