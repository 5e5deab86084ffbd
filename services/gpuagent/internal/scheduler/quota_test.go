package scheduler

import "testing"

// in puts a job into a queue.
func in(queue string) func(*Job) { return func(j *Job) { j.Queue = queue } }

// lending is a queue that lends and borrows as much as it may.
func lending(name string, quota int) Queue {
	return Queue{Name: name, Cohort: "ml", Quota: quota, BorrowingLimit: Unlimited, LendingLimit: Unlimited, Reclaim: AnyPriority}
}

func TestAQuotaIsNotExceeded(t *testing.T) {
	s := cluster(Policy{}, 8)
	s.SetQueue(Queue{Name: "q", Quota: 4})
	submit(s, with(gang("a", 1, 3), in("q")), with(gang("b", 1, 2), in("q")), with(gang("c", 1, 1), in("q")), with(gang("d", 1, 0), in("q")), with(gang("e", 1, 5), in("q")))
	expect(t, s, 0,
		"place a: n1[0 1 2]",
		"b waits for quota: queue q has 4 GPUs, uses 3 and asks for 2",
		"place c: n1[3]",
		"place d: n1[]",
		"e waits for quota: it asks for 5 GPUs, and queue q may use 4 at most (hopeless)")
	s.Release("a")
	expect(t, s, 0, "place b: n1[0 1]")
	s.SetQueue(Queue{Name: "q", Quota: 1}) // takes nothing away
	s.Submit(with(gang("f", 1, 1), in("q")))
	expect(t, s, 0, "f waits for quota: queue q has 1 GPU, uses 3 and asks for 1")
	s.RemoveQueue("q")
	expect(t, s, 0, "place e: n1[2 4 5 6 7]", "f waits for GPUs: worker asks for 1 for each of 1 replica, and 0 of the 8 of node n1 are free")
}

func TestQueuesLendAndBorrow(t *testing.T) {
	s := cluster(Policy{}, 8, 8)
	s.SetQueue(lending("own", 8))
	poor := lending("poor", 2)
	poor.BorrowingLimit = 4
	s.SetQueue(poor)
	submit(s, with(gang("a", 6, 1), in("poor")), with(gang("b", 1, 1), in("poor")))
	expect(t, s, 0, "place a: n1[0] n1[1] n1[2] n1[3] n1[4] n1[5]",
		"b waits for quota: queue poor has 2 GPUs, uses 6 and asks for 1; it borrows 4 of cohort ml and may borrow no more")
	submit(s, with(gang("c", 1, 4), in("own")))
	expect(t, s, 0, "place c: n2[0 1 2 3]")
	submit(s, with(gang("d", 1, 4), in("own")))
	expect(t, s, 0, "d waits for quota: queue own has 8 GPUs, uses 4 and asks for 4; nothing is left to borrow in cohort ml")
	if got := s.Snapshot().Queues[1]; got.Name != "poor" || got.Used != 6 || got.Borrowed != 4 || len(got.Waiting) != 1 || got.Waiting[0].Position != 1 {
		t.Errorf("queue poor stands so: %+v", got)
	}
}

func TestLendersKeepWhatTheyDoNotLend(t *testing.T) {
	s := cluster(Policy{}, 8)
	keeps := lending("own", 8)
	keeps.LendingLimit = 3
	s.SetQueue(keeps)
	s.SetQueue(lending("poor", 0))
	submit(s, with(gang("a", 1, 4), in("poor")), with(gang("b", 1, 3), in("poor")))
	expect(t, s, 0,
		"a waits for quota: it asks for 4 GPUs, and queue poor may use 3 at most (hopeless)",
		"place b: n1[0 1 2]")
	submit(s, with(gang("c", 1, 5), in("own")))
	expect(t, s, 0, "place c: n1[3 4 5 6 7]")
}

func TestOwnersTakeBackWhatTheyLent(t *testing.T) {
	s := cluster(Policy{}, 8)
	s.SetQueue(lending("own", 6))
	s.SetQueue(lending("poor", 2))
	high := func(j *Job) { j.Queue, j.Preemptible, j.Priority = "poor", true, 9 }
	submit(s, with(gang("a", 1, 2), high), with(gang("b", 1, 3), high), with(gang("c", 1, 3), high))
	s.Decide(start)
	s.Submit(with(gang("x", 1, 3), in("own")))
	expect(t, s, 0,
		"preempt c for x: gives back GPUs of queue own, which needs them for x; queue poor holds 8 and has 2 of its own",
		"x waits for 1 job to end: 3 GPUs of node n1 are kept for it")
	s.Requeue("c")
	expect(t, s, 0, "place x: n1[2 3 7]", "c waits for quota: queue poor has 2 GPUs, uses 5 and asks for 3; nothing is left to borrow in cohort ml")
	s.Submit(with(gang("y", 1, 4), in("own"))) // it has 6 and uses 3: more than its own it does not take back
	expect(t, s, 0, "y waits for quota: queue own has 6 GPUs, uses 3 and asks for 4; nothing is left to borrow in cohort ml")
}

func TestFairShare(t *testing.T) {
	s := cluster(Policy{FairShare: true}, 8)
	light, heavy := lending("light", 0), lending("heavy", 0)
	heavy.Weight = 3
	for _, q := range []Queue{lending("owner", 8), light, heavy} {
		s.SetQueue(q)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		submit(s, with(gang("l"+name, 1, 1), in("light")), with(gang("x"+name, 1, 1), in("heavy")))
	}
	s.Decide(start)
	for _, q := range s.Snapshot().Queues {
		if want := map[string]float64{"light": 2, "heavy": 6}[q.Name]; q.Used != want {
			t.Errorf("queue %s has %v GPUs, want %v", q.Name, q.Used, want)
		}
	}
}

func TestUnknownQueues(t *testing.T) {
	s := cluster(Policy{KnownQueuesOnly: true}, 8)
	s.Submit(with(gang("a", 1, 1), in("q")))
	expect(t, s, 0, "a waits for queue q: there is none of that name (hopeless)")
	s.SetQueue(Queue{Name: "q", Quota: 1, DefaultPriority: 4})
	expect(t, s, 0, "place a: n1[0]")
}
