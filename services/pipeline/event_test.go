package pipeline

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

func encoded(t *testing.T, run *pipelinev1.RunState) []byte {
	t.Helper()
	data, err := proto.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRunEvents(t *testing.T) {
	in := func(state pipelinev1.RuntimeState, deleting bool) []byte {
		return encoded(t, &pipelinev1.RunState{Namespace: "ns", DeleteRequested: deleting, Run: &pipelinev1.Run{State: state}})
	}
	pending, running := in(pipelinev1.RuntimeState_PENDING, false), in(pipelinev1.RuntimeState_RUNNING, false)
	for _, test := range []struct {
		name        string
		prev, value []byte
		deleted     bool
		want        string // subject; empty for no event
	}{
		{"created", nil, pending, false, "kfmesh.pipeline.run.ns.id.pending"},
		{"entered a state", pending, running, false, "kfmesh.pipeline.run.ns.id.running"},
		{"changed otherwise", running, running, false, ""},
		{"archived", in(pipelinev1.RuntimeState_SUCCEEDED, false), nil, true, ""},
		{"deleted", in(pipelinev1.RuntimeState_CANCELED, true), nil, true, "kfmesh.pipeline.run.ns.id.deleted"},
		{"deleted, nobody knows what", nil, nil, true, ""},
		{"unreadable", nil, []byte{0xff}, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, ok := runEvent(store.Change{
				Entry: store.Entry{Key: "/kfmesh/pipeline/runs/id", Value: test.value, Revision: 7}, Deleted: test.deleted, Prev: test.prev,
			})
			if ok != (test.want != "") || ok && e.Subject.String() != test.want {
				t.Errorf("event %v, %v; want %q", e.Subject, ok, test.want)
			}
			if ok && (e.Data.GetRevision() != 7 || e.Type != "dev.kfmesh.pipeline.run."+e.Subject.What) {
				t.Errorf("event %+v", e)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	if err := (Config{}).Validate(); err == nil {
		t.Error("a config of zeros is accepted")
	}
}
