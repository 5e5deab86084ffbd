package scheduler

import (
	"testing"
	"time"
)

func preemptible(j *Job) { j.Preemptible = true }

func priority(n int32) func(*Job) { return func(j *Job) { j.Priority = n } }

func TestLowestAndNewestMakeRoom(t *testing.T) {
	s := cluster(Policy{}, 8)
	low := func(j *Job) { j.Preemptible, j.Priority = true, 1 }
	submit(s, with(gang("a", 1, 2), low), with(gang("b", 1, 2), low), with(gang("c", 1, 2), low), with(gang("d", 1, 2), priority(1)))
	s.Decide(start)
	s.Submit(with(gang("x", 1, 3), priority(5)))
	expect(t, s, 0,
		"preempt c for x: makes room for x, which has priority 5 and not 1",
		"preempt b for x: makes room for x, which has priority 5 and not 1",
		"x waits for 2 jobs to end: 3 GPUs of node n1 are kept for it")
	submit(s, gang("y", 1, 1), gang("z", 1, 1)) // others get what is left over
	s.Requeue("c")
	expect(t, s, 0,
		"c waits for GPUs: worker asks for 2 for each of 1 replica, and 1 of the 8 of node n1 are free",
		"place y: n1[5]",
		"z waits for GPUs: worker asks for 1 for each of 1 replica, and 0 of the 8 of node n1 are free")
	s.Release("b")
	expect(t, s, 0, "place x: n1[2 3 4]")
	s.Release("x")
	expect(t, s, 0, "place c: n1[2 3]", "place z: n1[4]")
}

func TestNobodyIsStoppedInVain(t *testing.T) {
	s := cluster(Policy{}, 4, 4)
	submit(s, with(gang("a", 1, 4), preemptible), gang("b", 1, 4))
	s.Decide(start)
	s.Submit(with(gang("x", 2, 4), priority(1))) // a alone does not make room for it
	expect(t, s, 0, "x waits for GPUs: worker asks for 2 x 4, the most free on one node is 0 of 4 (node n1); 0 of 8 are free in all")
}

func TestWhoLeavesAnywayMakesRoomFirst(t *testing.T) {
	s := cluster(Policy{}, 4, 4)
	submit(s, with(gang("a", 2, 4), preemptible), with(gang("b", 1, 0), preemptible))
	s.Decide(start)
	s.Submit(with(gang("x", 1, 4), priority(1)))
	expect(t, s, 0, "preempt a for x: makes room for x, which has priority 1 and not 0", "x waits for 1 job to end: 4 GPUs of node n1 are kept for it")
	s.Submit(with(gang("y", 1, 4), priority(1)))
	expect(t, s, 0, "y waits for 1 job to end: 4 GPUs of node n2 are kept for it") // a leaves both, and b stays
	s.Requeue("a")
	expect(t, s, 0, "place x: n1[0 1 2 3]", "place y: n2[0 1 2 3]",
		"a waits for GPUs: worker asks for 2 x 4, the most free on one node is 0 of 4 (node n1); 0 of 8 are free in all")
}

func TestHigherPriorityTakesPromisesAway(t *testing.T) {
	s := cluster(Policy{Patience: time.Second}, 4)
	submit(s, gang("a", 1, 2))
	s.Decide(start)
	s.Submit(with(gang("b", 1, 4), func(j *Job) { j.Submitted = start }))
	expect(t, s, time.Second,
		"b waits for GPUs: worker asks for 4 for each of 1 replica, and 2 of the 4 of node n1 are free",
		"b waits for 1 job to end: 4 GPUs of node n1 are kept for it")
	s.Submit(gang("c", 1, 2))
	expect(t, s, time.Second, "c waits for GPUs: worker asks for 2 for each of 1 replica, and 0 of the 4 of node n1 are free")
	s.Submit(with(gang("d", 1, 2), priority(1)))
	expect(t, s, time.Second, "place d: n1[2 3]",
		"b waits for GPUs: worker asks for 4 for each of 1 replica, and 0 of the 4 of node n1 are free",
		"b waits for 2 jobs to end: 4 GPUs of node n1 are kept for it")
}
