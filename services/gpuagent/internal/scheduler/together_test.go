package scheduler

import "testing"

func TestTogether(t *testing.T) {
	// A launcher that asks for nothing, and workers.
	job := func(name string, workers, gpus int) Job {
		j := gang(name, workers, gpus)
		j.Groups = append([]Group{{Name: "launcher"}}, j.Groups...)
		j.Together, j.Prefer = true, "n1"
		return j
	}
	s := cluster(Policy{}, 0, 4, 8, 8)
	s.Submit(job("a", 2, 2))
	expect(t, s, 0, "place a: n2[] n2[0 1] n2[2 3]")
	s.Submit(job("b", 2, 2))
	expect(t, s, 0, "place b: n3[] n3[0 1] n3[2 3]")
	s.Submit(job("c", 4, 2))
	expect(t, s, 0, "place c: n4[] n4[0 1] n4[2 3] n4[4 5] n4[6 7]")
	s.Submit(job("d", 3, 2))
	expect(t, s, 0, "d waits for GPUs: worker asks for 3 x 2, the most free on one node is 4 of 8 (node n3); 4 of 20 are free in all")
	s.Release("a")
	expect(t, s, 0, "d waits for room for all of it on one node (4 replicas, 6 GPUs): each of those that are large enough, n3, n4, has something else there")
	s.Release("b")
	expect(t, s, 0, "place d: n3[] n3[0 1] n3[2 3] n3[4 5]")
	s.Submit(job("e", 3, 4)) // larger than any
	s.Release("c")
	expect(t, s, 0, "place e: n1[] n4[0 1 2 3] n4[4 5 6 7] n2[0 1 2 3]")
}

func TestTogetherWhereNodesAreOpen(t *testing.T) {
	s := New(Policy{})
	n := node("n1", 0)
	n.Cordoned = true
	s.SetNode(n)
	small := node("n2", 0)
	small.CPUMilli = 1000
	s.SetNode(small)
	tainted := node("n3", 0)
	tainted.Taints = []Taint{{Key: "for", Value: "research"}}
	s.SetNode(tainted)
	j := gang("a", 2, 0)
	j.Groups[0].Need = Need{CPUMilli: 2000}
	j.Together, j.Prefer = true, "n1"
	s.Submit(j)
	expect(t, s, 0, "a waits for a node with more CPUs: each replica of worker asks for 2, and node n2, the largest, has 1 (hopeless)")
	s.SetNode(node("n4", 0))
	expect(t, s, 0, "place a: n4[] n4[]")
}
