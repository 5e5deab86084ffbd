package scheduler

import "testing"

func TestWhichNodesAdmitAJob(t *testing.T) {
	s := New(Policy{})
	s.Submit(gang("a", 1, 1))
	expect(t, s, 0, "a waits for a node: there is none")
	cordoned := node("n1", 8)
	cordoned.Cordoned = true
	s.SetNode(cordoned)
	expect(t, s, 0) // it is told when the kind of reason changes
	if says := s.Why("a"); says != "waits for a node that takes jobs: node n1 is cordoned" {
		t.Errorf("it says %q", says)
	}
	tainted := node("n2", 8)
	tainted.Taints = []Taint{{Key: "for", Value: "research"}}
	s.RemoveNode("n1")
	s.SetNode(tainted)
	expect(t, s, 0, "a waits for a node without taint for=research, which node n2 has and it does not tolerate (hopeless)")
	tolerant := gang("b", 1, 1)
	tolerant.Groups[0].Need.Tolerations = []Toleration{{Key: "for", Value: "research"}}
	s.Submit(tolerant)
	expect(t, s, 0, "place b: n2[0]")
	sick := node("n3", 2)
	sick.GPUs[0].Unhealthy = true
	s.SetNode(sick)
	expect(t, s, 0, "place a: n3[1]")
	picky := gang("c", 1, 1)
	picky.Groups[0].Need.Selector = map[string]string{"zone": "a"}
	s.Submit(picky)
	expect(t, s, 0, "c waits for a node with label zone=a: none of the 2 nodes has it (hopeless)")
	labeled := node("n3", 2)
	labeled.Labels = map[string]string{"zone": "a"}
	s.SetNode(labeled)
	expect(t, s, 0, "place c: n3[0]")
}

func TestWhatALostNodeHeldIsHeldUntilItIsReleased(t *testing.T) {
	s := cluster(Policy{}, 8)
	s.Submit(gang("a", 1, 8))
	expect(t, s, 0, "place a: n1[0 1 2 3 4 5 6 7]")
	s.RemoveNode("n1")
	s.Submit(gang("b", 1, 1))
	expect(t, s, 0, "b waits for a node: there is none")
	s.SetNode(node("n1", 4)) // it is back, with fewer
	expect(t, s, 0, "b waits for GPUs: worker asks for 1 for each of 1 replica, and 0 of the 8 of node n1 are free")
	s.Requeue("a")
	expect(t, s, 0,
		"a waits for a node with more GPUs: each replica of worker asks for 8, and node n1, the largest, has 4 (hopeless)",
		"place b: n1[0]")
}

func TestRestore(t *testing.T) {
	s := cluster(Policy{}, 8, 8)
	submit(s, gang("a", 2, 4), gang("b", 3, 1), with(gang("c", 8, 2), func(j *Job) { j.GangMin = 2 }))
	held := map[string][]Slot{}
	for _, d := range s.Decide(start) {
		if p, ok := d.(Place); ok {
			held[p.UID] = append(held[p.UID], p.Slots...)
		}
	}
	again := New(Policy{})
	again.Restore(gang("a", 2, 4), held["a"]) // before the nodes are known
	for _, name := range []string{"n1", "n2"} {
		again.SetNode(node(name, 8))
	}
	again.Restore(gang("b", 3, 1), held["b"])
	again.Restore(with(gang("c", 8, 2), func(j *Job) { j.GangMin = 2 }), held["c"])
	if got, want := holdings(again), holdings(s); got != want {
		t.Errorf("restored as\n%s\nwant\n%s", got, want)
	}
	expect(t, again, 0, "c waits for GPUs: worker asks for 1 x 2, the most free on one node is 1 of 8 (node n2); 1 of 16 are free in all")
	for _, both := range []*Scheduler{s, again} {
		both.Release("b")
		both.Release("a")
		expect(t, both, 0, "join c:"+places([]Slot{{Node: "n1", GPUs: []int32{0, 1}}, {Node: "n1", GPUs: []int32{2, 3}}, {Node: "n1", GPUs: []int32{4, 5}}, {Node: "n1", GPUs: []int32{6, 7}}, {Node: "n2", GPUs: []int32{0, 1}}, {Node: "n2", GPUs: []int32{2, 3}}}))
	}
}

func TestTryNow(t *testing.T) {
	s := cluster(Policy{}, 4)
	if slots, ok := s.TryNow(gang("a", 1, 3)); !ok || places(slots) != " n1[0 1 2]" {
		t.Errorf("placed %v at %v", ok, slots)
	}
	if _, ok := s.TryNow(gang("b", 1, 2)); ok || s.Why("b") != "" {
		t.Error("what does not fit was placed, or entered")
	}
	s.Submit(gang("b", 1, 2))
	if _, ok := s.TryNow(gang("c", 1, 1)); ok {
		t.Error("one overtook another that was not looked at")
	}
	s.Decide(start)
	if _, ok := s.TryNow(gang("c", 1, 1)); !ok {
		t.Error("one that keeps nobody from running was not placed")
	}
	audit(t, s)
}
