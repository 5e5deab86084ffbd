package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

// What follows is a world of one head, one node that has joined it and one workload, in
// steps of step: the head starts the workload anew, elsewhere, the very moment the node's
// lease ends by the head's clock. Messages take time or get lost; agent and supervisor stand
// still, or are killed, for any time at any moment; and the node's clock runs at a rate of
// its own. The sums are those of this package and of supervise; the rest is told as simply
// as it can be.

const (
	step     = 20 * time.Millisecond
	simLease = 15 * time.Second
	simTime  = 3 * time.Minute
)

type world struct {
	*rand.Rand
	rate  float64 // of the node's clock, by the head's
	begun boottime.Instant
	now   time.Duration // by the head's clock

	// The head.
	record string        // the node's term; empty without a record
	until  time.Duration // when the record goes
	terms  tenures
	epoch  int
	order  *gpuagentv1.ReplicaStatus // to the node, of this epoch; nil when it runs elsewhere
	away   time.Duration             // when it has ended elsewhere

	// The node.
	file       supervise.Lease
	agent      still
	from, to   boottime.Instant // the lease, as the agent knows it; zero without one
	call       *call
	heard      int // the epoch that the agent was told of last
	heardAs    *gpuagentv1.ReplicaStatus
	ready      time.Duration // when it is made ready
	supervisor still
	command    int // its epoch; 0 when none runs
	term       string
	looked     supervise.Lease
}

// still is a process that may stand still.
type still struct{ until time.Duration }

// call is the renewal of a lease on its way.
type call struct {
	sent         boottime.Instant
	there, back  time.Duration // when it is; never if lost
	done, answer bool
}

const never = time.Duration(1<<63 - 1)

func (w *world) boot() boottime.Instant {
	return w.begun.Add(time.Duration(float64(w.now) * w.rate))
}

// upTo is a duration up to some length, and mostly a short one.
func (w *world) upTo(longest time.Duration) time.Duration {
	f := w.Float64()
	return time.Duration(f * f * f * float64(longest))
}

// chance is true once in so long, on average.
func (w *world) chance(every time.Duration) bool { return w.Int64N(int64(every/step)) == 0 }

// run lets the world run, and returns what two epochs ran at once.
func (w *world) run() error {
	for ; w.now < simTime; w.now += step {
		w.headActs()
		for _, p := range []*still{&w.agent, &w.supervisor} {
			if w.chance(10 * time.Second) {
				p.until = w.now + w.upTo(40*time.Second)
			}
		}
		if w.now >= w.agent.until {
			w.agentActs()
		}
		if w.command != 0 && w.boot() >= w.looked.LastResort() {
			w.command, w.supervisor.until = 0, w.now // the kernel has
		}
		if w.now >= w.supervisor.until {
			w.supervisorActs()
		}
		if w.command != 0 && (w.command != w.epoch || w.order == nil) {
			return fmt.Errorf("at %s the node runs epoch %d, while epoch %d runs elsewhere", w.now, w.command, w.epoch)
		}
	}
	return nil
}

// headActs ends the lease that is over, hears of renewals, and has the workload run.
func (w *world) headActs() {
	if c := w.call; c != nil && !c.done && w.now >= c.there {
		c.done, c.answer = true, w.record != "" && w.now < w.until
		if c.answer {
			w.until = w.now + simLease
		}
	}
	if w.record != "" && w.now >= w.until {
		delete(w.terms, "node")
		w.record = ""
	}
	switch {
	case w.order != nil && w.terms.gone(w.order):
		w.order = nil
		w.epoch++
		w.away = w.now + w.upTo(40*time.Second)
	case w.order == nil && w.now >= w.away && w.record != "":
		w.epoch++
		w.order = &gpuagentv1.ReplicaStatus{Node: "node", NodeTerm: w.terms["node"]}
	}
}

// agentActs is what the agent does: it sits down, has its lease renewed, and makes ready
// what it was told to run. It is killed now and then, and begins anew.
func (w *world) agentActs() {
	if w.chance(30 * time.Second) {
		w.from, w.to, w.call, w.heard, w.heardAs = 0, 0, nil, 0, nil
		w.agent.until = w.now + w.upTo(30*time.Second)
		return
	}
	if w.to == 0 {
		w.sitDown()
		return
	}
	w.renews()
	if w.order != nil && w.heard != w.epoch && w.chance(time.Second) {
		w.heard, w.heardAs = w.epoch, w.order
		w.ready = w.now + w.upTo(30*time.Second)
	}
}

// sitDown is sit: with the term that it had, or with another. It takes as long as the line
// is bad.
func (w *world) sitDown() {
	if w.chance(5 * time.Second) {
		w.agent.until = w.now + w.upTo(20*time.Second)
		return
	}
	if w.record != "" && w.record != w.file.Term {
		return
	}
	w.from, w.to = w.boot(), w.boot().Add(simLease)
	if w.record == "" {
		w.record = fmt.Sprint("term ", w.now)
		w.terms.hear(&gpuagentv1.Node{
			Metadata: &metav1.ObjectMeta{Name: "node"}, Status: &gpuagentv1.NodeStatus{Term: w.record},
		})
	}
	w.file = fence(w.record, w.from, w.to)
	w.until = w.now + simLease
}

func (w *world) renews() {
	c := w.call
	switch {
	case c == nil && w.boot() > w.from.Add(simLease/3) || c != nil && w.boot() > c.sent.Add(simLease/3):
		w.call = &call{sent: w.boot(), there: w.now + w.upTo(5*time.Second), back: w.now + w.upTo(10*time.Second)}
		if w.chance(2 * step) {
			w.call.there = never
		}
		if w.chance(3 * step) {
			w.call.back = never
		}
	case c != nil && c.done && w.now >= c.back:
		w.call = nil
		if !c.answer {
			w.to = 0 // the head says that it has ended
			w.file = supervise.NewLease(w.file.Term, w.boot(), w.boot())
			return
		}
		w.from, w.to = c.sent, c.sent.Add(simLease)
		w.file = fence(w.file.Term, w.from, w.to)
	}
	if w.boot() >= w.to {
		w.to, w.call = 0, nil
	}
}

// supervisorActs starts what is ready and kills what is not to run.
func (w *world) supervisorActs() {
	if w.heardAs != nil && w.now >= w.ready {
		if w.command == 0 && w.file.Left(w.heardAs.GetNodeTerm(), w.boot()) > 0 {
			w.command, w.term = w.heard, w.heardAs.GetNodeTerm()
		}
		w.heardAs = nil
	}
	if w.looked = w.file; w.command != 0 && w.file.Left(w.term, w.boot()) == 0 {
		w.command = 0
	}
}

func simulate(rate float64, seed uint64) error {
	w := &world{
		Rand: rand.New(rand.NewPCG(seed, 0)), rate: rate, begun: boottime.Instant(time.Hour), terms: tenures{},
	}
	return w.run()
}

// TestNeverTwoEpochsAtOnce holds as long as the node's clock is no more than a tenth slower
// than the head's, or any faster.
func TestNeverTwoEpochsAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.9, 1.5).Draw(t, "rate of the node's clock")
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range uint64(20) {
			if err := simulate(rate, seed+i); err != nil {
				t.Fatalf("seed %d: %v", seed+i, err)
			}
		}
	})
}

// TestAClockThatIsTooSlowIsFound makes sure that the world shows what it should.
func TestAClockThatIsTooSlowIsFound(t *testing.T) {
	found := 0
	for seed := range uint64(50) {
		if simulate(0.7, seed) != nil {
			found++
		}
	}
	if found == 0 {
		t.Error("50 worlds whose node has a clock that is 30 % slow have nothing run twice")
	}
}

// TestTheWorldRuns makes sure that its nodes run something, and lose it.
func TestTheWorldRuns(t *testing.T) {
	epochs := 0
	for seed := range uint64(50) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 0)), rate: 1, terms: tenures{}}
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
		epochs += w.epoch
	}
	if epochs < 250 {
		t.Errorf("%d epochs in 50 worlds", epochs)
	}
}
