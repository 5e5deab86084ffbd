package archive

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// workload is one of a number of replicas, with what is nobody's to see.
func workload(replicas int32) *gpuagentv1.Workload {
	w := &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{Name: "a-1", Uid: "u"},
		Spec: &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{{Name: "worker", Count: replicas, Template: &gpuagentv1.Template{
			Image: "python:3.12", Command: []string{"python", "train.py"},
			Env: []*gpuagentv1.EnvVar{
				{Name: "LEVEL", Value: "3"},
				{Name: "TOKEN", ValueFrom: &gpuagentv1.ValueSource{}},
			},
			Staging:    &gpuagentv1.Staging{Files: []*gpuagentv1.InlineFile{{Path: "a", Content: []byte("hidden")}}},
			Companions: []*gpuagentv1.Companion{{Name: "side", Command: []string{"hidden"}}},
		}}}},
		Status: &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_SUCCEEDED},
	}
	for i := range replicas {
		w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{
			Group: "worker", Index: i, Phase: gpuagentv1.Phase_PHASE_SUCCEEDED, Node: "here", Message: fmt.Sprintf("replica %d has ended well", i),
			Files: []*gpuagentv1.ReturnedFile{{Content: []byte("hidden")}},
		})
	}
	return w
}

func TestWhatRanIsKept(t *testing.T) {
	for _, replicas := range []int32{1, 200} {
		w := workload(replicas)
		p := newPress()
		detail, err := p.pack([]*gpuagentv1.Workload{w, w})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(detail), "hidden") {
			t.Errorf("what nobody sees is kept: %q", detail)
		}
		got, err := newPress().unpack(detail)
		if err != nil || len(got) != 2 || !proto.Equal(got[1], Shown(w)) {
			t.Errorf("of %d replicas comes back %v, %v", replicas, got, err)
		}
		if most := 1000 + 15*int(replicas); len(detail) > most {
			t.Errorf("%d replicas take %d bytes, want at most %d", replicas, len(detail), most)
		}
		template := got[0].GetSpec().GetGroups()[0].GetTemplate()
		if len(template.GetEnv()) != 1 || template.GetCompanions()[0].GetName() != "side" || template.GetImage() == "" {
			t.Errorf("what is shown is %v", template)
		}
	}
}

func TestNothingRan(t *testing.T) {
	if got, err := newPress().unpack(nil); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestADetailThatCannotBeRead(t *testing.T) {
	for _, detail := range [][]byte{append(magic[:len(magic):len(magic)], "no frame"...), []byte("\xff\xff")} {
		if got, err := newPress().unpack(detail); err == nil {
			t.Errorf("%q is read as %v", detail, got)
		}
	}
}
