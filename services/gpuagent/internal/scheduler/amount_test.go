package scheduler

import "testing"

func TestParts(t *testing.T) {
	for n := 2; n <= 16; n++ {
		if SharePart(n)*n != Whole {
			t.Errorf("%d shares of a GPU count %d, and it counts %d", n, SharePart(n)*n, Whole)
		}
	}
	for n := 2; n <= 128; n++ {
		const quota = 300
		if fit := quota * Whole / SharePart(n); fit != quota*n {
			t.Errorf("of shares of 1/%d, %d fit into %d GPUs", n, fit, quota)
		}
	}
	for profile, sevenths := range map[string]int{"1g.10gb": 1, "3g.40gb": 3, "7g.80gb": 7, "1c.3g.40gb": 1, "1g.10gb+me": 1, "": 7, "gb": 7} {
		if got := MIGPart(profile); got*7 != sevenths*Whole {
			t.Errorf("%q counts %s, want %d/7", profile, number(got), sevenths)
		}
	}
	for amount, want := range map[int]string{0: "0 GPUs", Whole: "1 GPU", Whole * 3 / 2: "1.5 GPUs", Whole / 7: "0.14 GPUs", 12 * Whole: "12 GPUs"} {
		if got := gpus(amount); got != want {
			t.Errorf("%d is %q, want %q", amount, got, want)
		}
	}
}

// TestQuotasCountParts has parts of GPUs count what they are.
func TestQuotasCountParts(t *testing.T) {
	s := New(Policy{})
	n := Node{Name: "n1", CPUMilli: 64000, MemoryBytes: 1 << 40}
	for i := range 8 {
		n.GPUs = append(n.GPUs, GPU{Index: int32(1001 + i), Model: "Tesla T4 SHARED", Vendor: "nvidia", Part: SharePart(4)})
	}
	for i := range 7 {
		n.GPUs = append(n.GPUs, GPU{Index: int32(3001 + i), Model: "NVIDIA A100 MIG-1g.10gb", Vendor: "nvidia", Part: MIGPart("1g.10gb")})
	}
	s.SetNode(n)
	s.SetQueue(Queue{Name: "q", Quota: 1})
	s.SetQueue(Queue{Name: "r", Quota: 1})
	of := func(model, queue string) func(*Job) {
		return func(j *Job) { j.Queue, j.Groups[0].Need.GPUModel = queue, model }
	}
	submit(s, with(gang("a", 3, 1), of("shared", "q")), with(gang("b", 2, 1), of("shared", "q")), with(gang("c", 1, 1), of("shared", "q")),
		with(gang("d", 7, 1), of("mig-1g.10gb", "r")), with(gang("e", 1, 1), of("shared", "r")))
	expect(t, s, 0,
		"place a: n1[1001] n1[1002] n1[1003]",
		"b waits for quota: queue q has 1 GPU, uses 0.75 and asks for 0.5",
		"place c: n1[1004]",
		"place d: n1[3001] n1[3002] n1[3003] n1[3004] n1[3005] n1[3006] n1[3007]",
		"e waits for quota: queue r has 1 GPU, uses 1 and asks for 0.25")
	for i := range n.GPUs[:8] { // its shares are halves now, as after a start of its agent
		n.GPUs[i].Part = SharePart(2)
	}
	s.SetNode(n)
	if got := s.Snapshot().Queues[0]; got.Name != "q" || got.Used != 2 {
		t.Errorf("queue %s uses %v", got.Name, got.Used)
	}
}

// TestPartsOfJobsThatWereRestored count what they are once their node is known.
func TestPartsOfJobsThatWereRestored(t *testing.T) {
	s := New(Policy{})
	s.SetQueue(Queue{Name: "q", Quota: 2})
	job := gang("a", 2, 1)
	job.Queue, job.Groups[0].Need.GPUModel = "q", "shared"
	s.Restore(job, []Slot{{Node: "n1", GPUs: []int32{1001}}, {Index: 1, Node: "n1", GPUs: []int32{1002}}})
	n := Node{Name: "n1", CPUMilli: 1000, MemoryBytes: 1, GPUs: []GPU{
		{Index: 1001, Model: "Tesla T4 SHARED", Part: SharePart(4)}, {Index: 1002, Model: "Tesla T4 SHARED", Part: SharePart(4)},
	}}
	s.SetNode(n)
	if got := s.Snapshot().Queues[0]; got.Used != 0.5 {
		t.Errorf("it uses %v", got.Used)
	}
	s.Release("a")
	if got := s.Snapshot().Queues[0]; got.Used != 0 {
		t.Errorf("after its end %v is used", got.Used)
	}
}
