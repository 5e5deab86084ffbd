package gpuagent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// gang is a workload of one replica on each of some nodes.
func gang(name, script string, nodes ...string) *gpuagentv1.Workload {
	w := shell(name, script)
	template := w.Spec.Groups[0].Template
	w.Spec.Groups = nil
	for _, node := range nodes {
		w.Spec.Groups = append(w.Spec.Groups, &gpuagentv1.ReplicaGroup{Name: node, Template: &gpuagentv1.Template{
			Command: template.Command, NodeSelector: map[string]string{"on": node},
			Ports: []*gpuagentv1.Port{{Name: "meet"}},
			Env: []*gpuagentv1.EnvVar{{
				Name: "PEERS", Value: addresses(nodes),
			}},
		}})
	}
	return w
}

func addresses(nodes []string) string {
	var all []string
	for _, node := range nodes {
		all = append(all, fmt.Sprintf("${replica.%s.0.host}:${replica.%s.0.port.meet}", node, node))
	}
	return strings.Join(all, ",")
}

// keys are what the store has below a prefix.
func keys(t *testing.T, s store.Backend, prefix string) []string {
	t.Helper()
	entries, _, err := s.List(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

// here waits until a head knows of nodes.
func (a *agent) here(nodes ...string) {
	a.t.Helper()
	eventually(a.t, "nodes "+strings.Join(nodes, ", "), func() bool {
		list, err := a.nodes.ListNodes(a.t.Context(), &gpuagentv1.ListNodesRequest{})
		return err == nil && len(list.GetNodes()) >= len(nodes)
	})
}

// logOf reads the log of the first replica of a group.
func (a *agent) logOf(name, group string) string {
	a.t.Helper()
	return a.replicaLog(name, group, 0)
}

// replicaLog reads the log of one replica.
func (a *agent) replicaLog(name, group string, index int32) string {
	a.t.Helper()
	stream, err := a.Logs(a.t.Context(), &gpuagentv1.LogsRequest{Name: name, Group: group, Index: index})
	if err != nil {
		a.t.Fatal(err)
	}
	var text strings.Builder
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			a.t.Fatal(err)
		}
		text.Write(chunk.GetData())
	}
}

func TestAGangOverThreeNodes(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	c.node(2).start()
	c.node(3).start()
	head.here("n1", "n2", "n3")
	head.submit(gang("wide", `echo "$KFMESH_REPLICA of $PEERS, mine is $PORT_MEET"; exit 0`, "n1", "n2", "n3"))
	w := head.await("wide", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetFinishTime() != nil })
	if w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Fatalf("%v", w.GetStatus())
	}
	var peers []string
	for i, r := range w.GetStatus().GetReplicas() {
		host := fmt.Sprintf("127.0.0.%d", i+1)
		if r.GetHost() != host || r.GetNode() != fmt.Sprintf("n%d", i+1) {
			t.Errorf("replica %d is at %s on %s", i, r.GetHost(), r.GetNode())
		}
		peers = append(peers, fmt.Sprintf("%s:%d", host, r.GetPorts()["meet"]))
	}
	for i, r := range w.GetStatus().GetReplicas() {
		want := fmt.Sprintf("%s-0 of %s, mine is %d\n", r.GetGroup(), strings.Join(peers, ","), r.GetPorts()["meet"])
		if got := head.logOf("wide", r.GetGroup()); got != want {
			t.Errorf("replica %d wrote %q, want %q", i, got, want)
		}
	}
	if _, err := head.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "wide"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is left of it", func() bool {
		return len(keys(t, c.head.store, "/kfmesh/gpuagent/orders/"))+len(keys(t, c.head.store, "/kfmesh/gpuagent/reports/")) == 0
	})
}

func TestAFailureOnANodeStopsTheGang(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	c.node(2).start()
	head.here("n1", "n2")
	head.submit(gang("short", `[ "$KFMESH_REPLICA" = n2-0 ] && { echo broken; exit 3; }; sleep 60`, "n1", "n2"))
	s := head.awaitEnd("short")
	if s.GetReason() != "NonZeroExit" || s.GetMessage() != "n2-0: exit status 3" {
		t.Errorf("%s: %s", s.GetReason(), s.GetMessage())
	}
	if r := s.GetReplicas()[1]; r.GetExitCode() != 3 || !strings.Contains(r.GetLogTail(), "broken") {
		t.Errorf("%v", r)
	}
	if r := s.GetReplicas()[0]; r.GetReason() != "SiblingFailed" {
		t.Errorf("%v", r)
	}
}

func TestStopReachesANode(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	c.node(2).start()
	head.here("n1", "n2")
	head.submit(gang("long", `echo up; exec sleep 60`, "n2"))
	head.await("long", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	eventually(t, "its log, from there", func() bool { return head.logOf("long", "n2") == "up\n" })
	if _, err := head.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "long", Message: "enough"}); err != nil {
		t.Fatal(err)
	}
	if s := head.awaitEnd("long"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED || s.GetMessage() != "enough" {
		t.Errorf("%v", s)
	}
}

// beats are what a workload wrote that beats every few milliseconds: its epochs' times,
// in the order of its runs.
type beats struct{ first, last time.Time }

// beating is a gang whose replicas each write the time and their run into a file of
// their own, again and again, and for good when a file says so.
func beating(name, dir string, nodes ...string) *gpuagentv1.Workload {
	return gang(name, fmt.Sprintf(
		`cd %s; i=0; run=$(basename "$PWD").$$; while [ ! -e go ]; do echo "$$ $(date +%%s%%N)" >> "beats.$KFMESH_REPLICA"; sleep 0.02; done`, dir), nodes...)
}

// runsIn reads the runs of a replica, by process, in order.
func runsIn(t *testing.T, dir, replica string) []beats {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "beats."+replica))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var runs []beats
	last := ""
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		nanos, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		at := time.Unix(0, nanos)
		if fields[0] != last {
			runs, last = append(runs, beats{first: at}), fields[0]
		}
		runs[len(runs)-1].last = at
	}
	return runs
}

func beatsOn(t *testing.T, dir, replica string, runs int) {
	t.Helper()
	eventually(t, fmt.Sprintf("run %d of %s", runs, replica), func() bool { return len(runsIn(t, dir, replica)) >= runs })
}

// TestALostNode has nodes lost in each of the ways there are. What ran on them runs
// elsewhere, or fails, and never while it may still run there.
func TestALostNode(t *testing.T) {
	for name, lose := range map[string]func(*joined, *agent){
		"cut off":     func(n *joined, _ *agent) { n.line.cut() },
		"agent ended": func(_ *joined, a *agent) { a.end() },
	} {
		for _, disruptible := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, disruptible %v", name, disruptible), func(t *testing.T) {
				t.Parallel()
				c := newCluster(t)
				head := c.head.start()
				second, third := c.node(2), c.node(3)
				third.configureToo("on=n2") // takes its place
				a2 := second.start()
				head.here("n1", "n2")
				dir := t.TempDir()
				w := beating("steady", dir, "n1", "n2")
				w.Spec.Disruptible = disruptible
				head.submit(w)
				beatsOn(t, dir, "n1-0", 1)
				beatsOn(t, dir, "n2-0", 1)
				third.start()
				head.here("n1", "n2", "n3")

				lose(second, a2)
				if !disruptible {
					s := head.awaitEnd("steady")
					if s.GetReason() != "NodeLost" || !strings.Contains(s.GetMessage(), "node n2 was lost") {
						t.Errorf("%s: %s", s.GetReason(), s.GetMessage())
					}
					return
				}
				beatsOn(t, dir, "n1-0", 2)
				beatsOn(t, dir, "n2-0", 2)
				for _, replica := range []string{"n1-0", "n2-0"} {
					runs := runsIn(t, dir, replica)
					if !runs[0].last.Before(runs[1].first) {
						t.Errorf("two runs of %s at once: %v", replica, runs)
					}
				}
				touchFile(t, filepath.Join(dir, "go"))
				s := head.awaitEnd("steady")
				if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 2 || s.GetReplicas()[1].GetNode() != "n3" {
					t.Errorf("%v", s)
				}
			})
		}
	}
}

// configureToo adds a label to a node's.
func (j *joined) configureToo(label string) {
	before := j.configure
	j.configure = func(cfg *gpuagent.Config) {
		before(cfg)
		cfg.NodeLabels = []string{label}
	}
}

func touchFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAnAgentOfANodeThatComesBackInTime takes up what runs.
func TestAnAgentOfANodeThatComesBackInTime(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	second := c.node(2)
	a2 := second.start()
	head.here("n1", "n2")
	dir := t.TempDir()
	head.submit(beating("steady", dir, "n1", "n2"))
	beatsOn(t, dir, "n2-0", 1)
	a2.end()
	second.start()
	<-time.After(nodeLease * 3 / 2)
	touchFile(t, filepath.Join(dir, "go"))
	s := head.awaitEnd("steady")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 1 {
		t.Errorf("%v", s)
	}
	if runs := runsIn(t, dir, "n2-0"); len(runs) != 1 {
		t.Errorf("it ran %d times", len(runs))
	}
}

// TestALineThatIsMendedInTime costs nothing.
func TestALineThatIsMendedInTime(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	second := c.node(2)
	second.start()
	head.here("n1", "n2")
	dir := t.TempDir()
	head.submit(beating("steady", dir, "n2"))
	beatsOn(t, dir, "n2-0", 1)
	second.line.cut()
	<-time.After(nodeLease / 4)
	second.line.mend()
	touchFile(t, filepath.Join(dir, "go"))
	if s := head.awaitEnd("steady"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 1 {
		t.Errorf("%v", s)
	}
}

// TestAHeadThatStartsAnew finds what runs elsewhere.
func TestAHeadThatStartsAnew(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	c.node(2).start()
	head.here("n1", "n2")
	dir := t.TempDir()
	head.submit(beating("steady", dir, "n1", "n2"))
	beatsOn(t, dir, "n1-0", 1)
	beatsOn(t, dir, "n2-0", 1)
	head.end()
	head = c.head.start()
	head.await("steady", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	head.end()
	touchFile(t, filepath.Join(dir, "go")) // while there is no head
	eventually(t, "its end on the node", func() bool {
		runs := runsIn(t, dir, "n2-0")
		return time.Since(runs[0].last) > 200*time.Millisecond
	})
	head = c.head.start()
	s := head.awaitEnd("steady")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 1 {
		t.Errorf("%v", s)
	}
	for _, replica := range []string{"n1-0", "n2-0"} {
		if runs := runsIn(t, dir, replica); len(runs) != 1 {
			t.Errorf("%s ran %d times", replica, len(runs))
		}
	}
}

// TestAJoinedNodeTakesOrdersFromTheHeadAlone.
func TestAJoinedNodeTakesOrdersFromTheHeadAlone(t *testing.T) {
	c := newCluster(t)
	c.head.start()
	a2 := c.node(2).start()
	if _, err := a2.SubmitWorkload(context.Background(), &gpuagentv1.SubmitWorkloadRequest{Workload: shell("w", "true")}); err == nil ||
		!strings.Contains(err.Error(), "ask that") {
		t.Errorf("error %v", err)
	}
}
