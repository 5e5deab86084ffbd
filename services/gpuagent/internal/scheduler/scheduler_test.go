package scheduler

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// start is when tests begin.
var start = time.Unix(1_700_000_000, 0)

// node makes one of 64 cores and 512 GiB.
func node(name string, gpus int) Node {
	n := Node{Name: name, CPUMilli: 64_000, MemoryBytes: 512 << 30}
	for i := range gpus {
		n.GPUs = append(n.GPUs, GPU{Index: int32(i), Model: "NVIDIA H100 80GB HBM3", MemoryBytes: 80 << 30, Link: i / 4})
	}
	return n
}

// cluster is a scheduler with nodes n1, n2, ... of so many GPUs each.
func cluster(policy Policy, gpus ...int) *Scheduler {
	s := New(policy)
	for i, n := range gpus {
		s.SetNode(node(fmt.Sprintf("n%d", i+1), n))
	}
	return s
}

// gang makes a job of so many replicas with so many GPUs each. Jobs are submitted
// a millisecond apart, in order of their names.
func gang(name string, count, gpus int) Job {
	age := 0
	for _, r := range name {
		age = age*64 + int(r)
	}
	return Job{
		UID: name, Name: name, Submitted: start.Add(time.Duration(age) * time.Millisecond),
		Groups: []Group{{Name: "worker", Count: count, Need: Need{GPUs: int32(gpus)}}},
	}
}

// with changes a job.
func with(j Job, change func(*Job)) Job {
	change(&j)
	return j
}

// spelled writes decisions down, one a line.
func spelled(decisions []Decision) string {
	var b strings.Builder
	for _, d := range decisions {
		switch d := d.(type) {
		case Place:
			verb := "place"
			if d.Joins {
				verb = "join"
			}
			fmt.Fprintf(&b, "%s %s:%s\n", verb, d.UID, places(d.Slots))
		case Preempt:
			fmt.Fprintf(&b, "preempt %s for %s: %s\n", d.UID, d.For, d.Because)
		case Wait:
			hope := ""
			if d.Hopeless {
				hope = " (hopeless)"
			}
			fmt.Fprintf(&b, "%s %s%s\n", d.UID, d.Sentence, hope)
		}
	}
	return b.String()
}

func places(slots []Slot) string {
	var b strings.Builder
	for _, at := range slots {
		fmt.Fprintf(&b, " %s%v", at.Node, at.GPUs)
	}
	return b.String()
}

// expect decides and compares.
func expect(t *testing.T, s *Scheduler, after time.Duration, want ...string) {
	t.Helper()
	got := spelled(s.Decide(start.Add(after)))
	if wanted := strings.Join(append(want, ""), "\n"); got != wanted {
		t.Errorf("decided\n%s\nwant\n%s", got, wanted)
	}
	audit(t, s)
}

func submit(s *Scheduler, jobs ...Job) {
	for _, j := range jobs {
		s.Submit(j)
	}
}

func TestOneNode(t *testing.T) {
	small := Node{Name: "n1", CPUMilli: 2000, MemoryBytes: 8 << 30, Labels: map[string]string{"disk": "ssd"}, Limit: 2}
	for i := range 4 {
		small.GPUs = append(small.GPUs, GPU{Index: int32(i), Model: "NVIDIA H100 80GB HBM3"})
	}
	tests := []struct {
		name  string
		count int
		need  Need
		want  string
	}{
		{"nothing asked", 0, Need{}, "place j: n1[]"},
		{"CPUs are promised twice", 3, Need{CPUMilli: 2000}, "place j: n1[] n1[] n1[]"},
		{"more CPUs than exist", 1, Need{CPUMilli: 2500}, "j waits for a node with more CPUs: each replica of main asks for 2.5, and node n1, the largest, has 2 (hopeless)"},
		{"more memory than exists", 1, Need{MemoryBytes: 9 << 30}, "j waits for a node with more memory: each replica of main asks for 9.0 GiB, and node n1, the largest, has 8.0 GiB (hopeless)"},
		{"more memory than is free", 2, Need{MemoryBytes: 3 << 30}, "j waits for memory: it asks for 6.0 GiB, and 4.0 GiB of the 8.0 GiB of node n1 are free"},
		{"GPUs", 3, Need{GPUs: 1, GPUModel: "nvidia-h100"}, "place j: n1[0] n1[1] n1[3]"},
		{"GPUs that are held", 2, Need{GPUs: 2}, "j waits for GPUs: main asks for 2 for each of 2 replicas, and 3 of the 4 of node n1 are free"},
		{"more GPUs than exist", 5, Need{GPUs: 1}, "j waits for a larger cluster: main asks for 5 x 1 GPU, and when nothing else runs there is room for 4 on 1 node (hopeless)"},
		{"another model", 1, Need{GPUs: 1, GPUModel: "nvidia-a100"}, "j waits for a node with more GPUs of model nvidia-a100: each replica of main asks for 1, and node n1, the largest, has 0 (hopeless)"},
		{"another label", 1, Need{Selector: map[string]string{"disk": "hdd"}}, "j waits for a node with label disk=hdd: that of node n1 is ssd (hopeless)"},
		{"no label", 1, Need{Selector: map[string]string{"zone": "a", "disk": "ssd"}}, "j waits for a node with label zone=a: node n1 has no label zone (hopeless)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Policy{})
			s.SetNode(small)
			s.Restore(Job{UID: "other", Groups: []Group{{Need: Need{GPUs: 1, MemoryBytes: 4 << 30}}}}, []Slot{{Node: "n1", GPUs: []int32{2}}})
			s.Submit(Job{UID: "j", Submitted: start, Groups: []Group{{Name: "main", Count: tt.count, Need: tt.need}}})
			expect(t, s, 0, tt.want)
		})
	}
}

func TestAFullNodeHasJobsWaitTheirTurn(t *testing.T) {
	s := New(Policy{})
	n := node("n1", 0)
	n.Limit = 1
	s.SetNode(n)
	submit(s, gang("a", 3, 0), gang("b", 1, 0), gang("c", 1, 0))
	expect(t, s, 0, "place a: n1[] n1[] n1[]",
		"b waits for its turn: node n1 runs 1 workloads at once",
		"c waits behind 1 job that asks for the same; the first of them waits for its turn: node n1 runs 1 workloads at once")
	s.Release("a")
	expect(t, s, 0, "place b: n1[]", "c waits for its turn: node n1 runs 1 workloads at once")
}

func TestJobsFitTightly(t *testing.T) {
	tests := []struct {
		name  string
		nodes []int
		held  []Job
		ask   Job
		want  string
	}{
		{"the tightest node", []int{8, 8, 8}, []Job{gang("a", 1, 5), gang("b", 1, 6)}, gang("x", 1, 2), "place x: n2[6 7]"},
		{"the NVLink group that it fills", []int{8}, []Job{gang("a", 1, 1)}, gang("x", 1, 3), "place x: n1[1 2 3]"},
		{"a whole NVLink group", []int{8}, []Job{gang("a", 1, 1)}, gang("x", 1, 4), "place x: n1[4 5 6 7]"},
		{"whole nodes are empty ones", []int{8, 8, 8}, []Job{gang("a", 1, 1)}, gang("x", 2, 8), "place x: n2[0 1 2 3 4 5 6 7] n3[0 1 2 3 4 5 6 7]"},
		{"a gang on one node", []int{8, 8}, []Job{gang("a", 1, 3)}, gang("x", 2, 4), "place x: n2[0 1 2 3] n2[4 5 6 7]"},
		{"a gang on the fewest nodes", []int{4, 2, 2, 4}, nil, gang("x", 3, 2), "place x: n1[0 1] n1[2 3] n4[0 1]"},
		{"a gang on nodes that are alike", []int{8, 4, 4, 4}, nil, gang("x", 6, 2), "place x: n2[0 1] n2[2 3] n3[0 1] n3[2 3] n4[0 1] n4[2 3]"},
		{"a gang on others when it must", []int{4, 8, 2}, nil, gang("x", 7, 2), "place x: n2[0 1] n2[2 3] n2[4 5] n2[6 7] n1[0 1] n1[2 3] n3[0 1]"},
		{"where it was submitted", []int{8, 8, 8}, nil, with(gang("x", 1, 2), func(j *Job) { j.Prefer = "n2" }), "place x: n2[0 1]"},
		{"not where it was submitted", []int{8, 8, 8}, []Job{gang("a", 1, 5)}, with(gang("x", 1, 2), func(j *Job) { j.Prefer = "n2" }), "place x: n1[5 6]"},
		{"no GPU, no GPU node", []int{8, 0}, nil, gang("x", 1, 0), "place x: n2[]"},
		{"no GPU, where it was submitted", []int{8, 0}, nil, with(gang("x", 1, 0), func(j *Job) { j.Prefer = "n1" }), "place x: n1[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cluster(Policy{}, tt.nodes...)
			submit(s, tt.held...)
			s.Decide(start)
			s.Submit(tt.ask)
			expect(t, s, 0, tt.want)
		})
	}
}

func TestCPUJobsSpread(t *testing.T) {
	s := cluster(Policy{}, 0, 0)
	job := gang("x", 3, 0)
	job.Groups[0].Need.CPUMilli = 40_000
	s.Submit(job)
	expect(t, s, 0, "place x: n1[] n2[] n1[]")
}

func TestGroupsOfAGangFitAroundEachOther(t *testing.T) {
	s := cluster(Policy{}, 2, 0)
	s.Submit(Job{UID: "x", Groups: []Group{
		{Name: "ps", Count: 2, Need: Need{MemoryBytes: 300 << 30}},
		{Name: "worker", Count: 2, Need: Need{GPUs: 1, MemoryBytes: 200 << 30}},
	}})
	expect(t, s, 0, "x waits for room: GPUs, memory and turns are free for 4 replicas, but not together on one node for each")
	s.SetNode(node("n3", 0))
	expect(t, s, 0, "place x: n2[] n3[] n1[0] n1[1]")
}

func TestElasticGangs(t *testing.T) {
	s := cluster(Policy{}, 4)
	submit(s, gang("a", 2, 1), with(gang("x", 4, 1), func(j *Job) { j.GangMin = 2 }))
	expect(t, s, 0, "place a: n1[0] n1[1]", "place x: n1[2] n1[3]")
	s.Submit(gang("y", 2, 1))
	expect(t, s, 0, "y waits for GPUs: worker asks for 1 for each of 2 replicas, and 0 of the 4 of node n1 are free")
	s.Release("a")
	expect(t, s, 0, "join x: n1[0] n1[1]") // it was there before y
	s.Release("x")
	expect(t, s, 0, "place y: n1[0] n1[1]")
}

func TestPriorityThenAgeThenBackfill(t *testing.T) {
	s := cluster(Policy{}, 8)
	submit(s, gang("a", 1, 6))
	expect(t, s, 0, "place a: n1[0 1 2 3 4 5]")
	submit(s, gang("b", 1, 4), gang("c", 1, 1), with(gang("d", 1, 4), func(j *Job) { j.Priority = 1 }))
	expect(t, s, 0,
		"d waits for GPUs: worker asks for 4 for each of 1 replica, and 2 of the 8 of node n1 are free",
		"place c: n1[6]",
		"b waits behind 1 job of higher priority that asks for the same; the first of them waits for GPUs: worker asks for 4 for each of 1 replica, and 2 of the 8 of node n1 are free")
	s.Release("a")
	expect(t, s, 0, "place d: n1[0 1 2 3]", "b waits for GPUs: worker asks for 4 for each of 1 replica, and 3 of the 8 of node n1 are free")
}
