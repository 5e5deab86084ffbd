package collect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// world is a store with jobs that ended so many hours ago, and one that runs.
func world(t *testing.T) *state.State {
	t.Helper()
	s := state.New(store.NewMemory())
	add := func(namespace, name string, hours time.Duration) {
		job := &trainingv1.TrainingJob{
			Kind: "JAXJob", Metadata: &metav1.ObjectMeta{Namespace: namespace, Name: name, Uid: namespace + name}, Status: &trainingv1.TrainingJobStatus{},
		}
		if hours > 0 {
			job.Status.CompletionTime = timestamppb.New(time.Now().Add(-hours * time.Hour))
			job.Status.Conditions = []*trainingv1.JobCondition{{Type: "Failed", Status: true}}
		}
		if _, err := s.Jobs.Create(t.Context(), state.KeyOf(job), job); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		add("a", fmt.Sprintf("j%d", i), time.Duration(i+1))
	}
	add("b", "old", 9)
	add("b", "runs", 0)
	return s
}

func TestRetention(t *testing.T) {
	for name, try := range map[string]struct {
		retention Retention
		want      []string
	}{
		"all":      {Retention{}, nil},
		"by age":   {Retention{Jobs: 150 * time.Minute}, []string{"a/JAXJob/j2", "a/JAXJob/j3", "b/JAXJob/old"}},
		"by count": {Retention{Count: 3}, []string{"a/JAXJob/j3"}},
		"by both":  {Retention{Jobs: 5 * time.Hour, Count: 1}, []string{"a/JAXJob/j1", "a/JAXJob/j2", "a/JAXJob/j3", "b/JAXJob/old"}},
	} {
		s := world(t)
		c := &Collector{State: s, Retention: try.retention}
		var said, gone []string
		for _, dry := range []bool{true, false} {
			got := &gone
			if dry {
				got = &said
			}
			err := c.Collect(t.Context(), dry, func(g *metav1.Garbage) error {
				if g.GetRemoved() == dry || g.GetReason() == "" || g.GetKind() != "job" {
					t.Errorf("%s: %v", name, g)
				}
				*got = append(*got, g.GetName())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(said)
		slices.Sort(gone)
		if !slices.Equal(said, try.want) || !slices.Equal(gone, try.want) {
			t.Errorf("%s: %v go, and it said %v; want %v", name, gone, said, try.want)
		}
		left, _, err := s.Jobs.List(t.Context(), "")
		condemned, _, err2 := s.Condemned.List(t.Context(), "")
		if err != nil || err2 != nil || len(left) != 6-len(try.want) || len(condemned) != len(try.want) {
			t.Errorf("%s: %d are left and %d condemned", name, len(left), len(condemned))
		}
	}
}
