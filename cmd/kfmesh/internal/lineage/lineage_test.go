package lineage

import (
	"slices"
	"strings"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

const (
	in  = metadatav1.Event_TYPE_INPUT
	out = metadatav1.Event_TYPE_OUTPUT
)

func event(execution, artifact int64, kind metadatav1.Event_Type) *metadatav1.Event {
	return &metadatav1.Event{ExecutionId: execution, ArtifactId: artifact, Type: kind, Key: "k"}
}

func graph(executions, artifacts int64, events ...*metadatav1.Event) *Graph {
	reached := &metadatav1.GetLineageResponse{Events: events}
	for id := int64(1); id <= executions; id++ {
		reached.Executions = append(reached.Executions, &metadatav1.Execution{ExecutionId: id, Name: "e", State: metadatav1.Execution_STATE_COMPLETE})
	}
	for id := int64(1); id <= artifacts; id++ {
		reached.Artifacts = append(reached.Artifacts, &metadatav1.Artifact{ArtifactId: id, Type: "T"})
	}
	return New(reached)
}

func TestDiamondIsDrawnOnce(t *testing.T) {
	// 1 makes artifact 1; 2 and 3 read it and make 2 and 3; 4 reads both, makes 4.
	g := graph(4, 4, event(1, 1, out), event(2, 1, in), event(3, 1, in), event(2, 2, out), event(3, 3, out),
		event(4, 2, in), event(4, 3, in), event(4, 4, out))
	want := []string{
		"e, execution 4 COMPLETE",
		"  k: artifact 2 T",
		"    e, execution 2 COMPLETE",
		"      k: artifact 1 T",
		"        e, execution 1 COMPLETE",
		"  k: artifact 3 T",
		"    e, execution 3 COMPLETE",
		"      k: artifact 1 T",
		"        e, execution 1 COMPLETE, as above",
	}
	if got := g.Up(4); !slices.Equal(got, want) {
		t.Errorf("up is\n%s", strings.Join(got, "\n"))
	}
	if got := g.Down(4); len(got) != 0 {
		t.Errorf("down is %q", got)
	}
}

func TestCycleEnds(t *testing.T) {
	g := graph(1, 1, event(1, 1, in), event(1, 1, out))
	if got := g.Up(1); len(got) != 3 || !strings.HasSuffix(got[2], "as above") {
		t.Errorf("up is %q", got)
	}
}

func TestEventsThatLeadOutOfThePartReachedAreLeftOut(t *testing.T) {
	g := graph(1, 1, event(1, 1, out), event(1, 99, in), event(98, 1, out))
	if got := g.Up(1); !slices.Equal(got, []string{"e, execution 1 COMPLETE"}) {
		t.Errorf("up is %q", got)
	}
}
