package gpuagent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// followed is what is read of a log as it is written.
type followed struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
	done chan struct{}
}

// follow follows the log of a workload to its end.
func (a *agent) follow(name string, tail int64) *followed {
	a.t.Helper()
	stream, err := a.Logs(a.t.Context(), &gpuagentv1.LogsRequest{Name: name, Follow: true, TailLines: tail})
	if err != nil {
		a.t.Fatal(err)
	}
	f := &followed{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		for {
			chunk, err := stream.Recv()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.text.Write(chunk.GetData())
			f.mu.Unlock()
		}
	}()
	return f
}

// String is what was read, but for what a shell says when its sleep is stopped with it.
func (f *followed) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.ReplaceAll(f.text.String(), "Terminated\n", "")
}

// disrupted is a workload that may be stopped for others, and says when it begins and when
// it is stopped. It ends once a file is there.
func disrupted(name, dir string) *gpuagentv1.Workload {
	w := shell(name, fmt.Sprintf(`trap 'echo stopped; exit 1' TERM; echo begun; while [ ! -e %s.go ]; do sleep 0.01; done; echo ended`,
		filepath.Join(dir, name)))
	w.Spec.Disruptible = true
	w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 1}
	return w
}

// TestALogIsFollowedOverADisruption follows the log of a workload that makes room for
// another and then runs anew: everything comes, and comes once.
func TestALogIsFollowedOverADisruption(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "1xH100" }
	a := n.start()
	a.submit(disrupted("low", n.dir))
	whole := a.follow("low", 0)
	eventually(t, "it begins", func() bool { return whole.String() == "begun\n" })
	end := a.follow("low", 1)
	urgent := holder("urgent", n.dir, "", 1)
	urgent.Spec.Priority = 10
	a.submit(urgent)
	a.await("urgent", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING })
	touch(t, filepath.Join(n.dir, "urgent.go"))
	const twice = "begun\nstopped\nbegun\n"
	eventually(t, "it begins anew", func() bool { return whole.String() == twice && end.String() == twice })
	touch(t, filepath.Join(n.dir, "low.go"))
	for _, f := range []*followed{whole, end} {
		<-f.done
		if got := f.String(); got != twice+"ended\n" {
			t.Errorf("what was followed is %q", got)
		}
	}
	if s := a.awaitEnd("low"); s.GetEpoch() != 2 || s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
}

// TestALogIsFollowedToAnotherNode follows the log of a workload whose node is lost.
func TestALogIsFollowedToAnotherNode(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	gpu := func(i int) *joined {
		n := c.node(i)
		n.blob = newNode(t).blob // one that is cut off stores nothing
		configure := n.configure
		n.configure = func(cfg *gpuagent.Config) {
			configure(cfg)
			cfg.FakeGPUs = "1xH100"
		}
		n.start()
		return n
	}
	lost := gpu(2)
	head.here("n1", "n2")
	head.submit(disrupted("moves", c.head.dir))
	log := head.follow("moves", 0)
	eventually(t, "it begins", func() bool { return log.String() == "begun\n" })
	gpu(3)
	head.here("n1", "n2", "n3")
	lost.line.cut()
	eventually(t, "it begins elsewhere", func() bool { return log.String() == "begun\nbegun\n" })
	touch(t, filepath.Join(c.head.dir, "moves.go"))
	<-log.done
	if got := log.String(); got != "begun\nbegun\nended\n" {
		t.Errorf("what was followed is %q", got)
	}
	lost.line.mend()
}

// TestAFollowerMissesNothingWhenANodeStoresItsLogTooLate has a log be kept that is longer than
// what the next epoch began with, as a node may that was cut off.
func TestAFollowerMissesNothingWhenANodeStoresItsLogTooLate(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	gpu := func(i int) *joined {
		n := c.node(i)
		n.blob = newNode(t).blob // one that is cut off stores nothing; the test does instead
		configure := n.configure
		n.configure = func(cfg *gpuagent.Config) {
			configure(cfg)
			cfg.FakeGPUs = "1xH100"
		}
		n.start()
		return n
	}
	lost := gpu(2)
	head.here("n1", "n2")
	head.submit(disrupted("moves", c.head.dir))
	log := head.follow("moves", 0)
	eventually(t, "it begins", func() bool { return log.String() == "begun\n" })
	lost.line.cut()
	head.await("moves", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetEpoch() == 2 })
	stored := func(text string) {
		if err := c.head.blob.Put(t.Context(), "logs/default/moves/main-0.log", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	stored("begun\nand on\n")
	gpu(3)
	eventually(t, "it begins elsewhere", func() bool { return strings.Count(log.String(), "begun\n") >= 2 })
	stored("begun\nended\n") // as the node will have written by its end
	touch(t, filepath.Join(c.head.dir, "moves.go"))
	<-log.done
	if got := log.String(); got != "begun\nbegun\nended\n" {
		t.Errorf("what was followed is %q", got)
	}
	lost.line.mend()
}
