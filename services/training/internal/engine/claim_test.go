package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// volumes are those of a gpuagent without directories.
type volumes struct {
	gpuagentv1.UnimplementedVolumeServiceServer

	mu    sync.Mutex
	there map[string]*gpuagentv1.PersistentVolume // guarded by mu; by name
}

func (v *volumes) CreateVolume(_ context.Context, r *gpuagentv1.CreateVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := r.GetVolume().GetMetadata().GetName()
	if v.there[name] != nil {
		return nil, fault.AlreadyExistsf("volume %s exists", name)
	}
	v.there[name] = r.GetVolume()
	return r.GetVolume(), nil
}

func (v *volumes) GetVolume(_ context.Context, r *gpuagentv1.GetVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found := v.there[r.GetName()]; found != nil {
		return found, nil
	}
	return nil, fault.NotFoundf("no volume %s", r.GetName())
}

func (v *volumes) DeleteVolume(_ context.Context, r *gpuagentv1.DeleteVolumeRequest) (*emptypb.Empty, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.there, r.GetName())
	return &emptypb.Empty{}, nil
}

// put has a volume be there, which somebody made.
func (v *volumes) put(name string, deleting bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.there[name] = &gpuagentv1.PersistentVolume{
		Metadata: &metav1.ObjectMeta{Name: name}, Status: &gpuagentv1.PersistentVolumeStatus{Deleting: deleting},
	}
}

func (v *volumes) names() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []string
	for _, name := range []string{"keep-a", "own-a"} {
		if v.there[name] != nil {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

func ownAndKept() []*trainingv1.JobClaim {
	return []*trainingv1.JobClaim{{Name: "own-a"}, {Name: "keep-a", Retained: true}}
}

// condemn deletes a job as the API does, while nobody leads.
func (w *world) condemn(job *trainingv1.TrainingJob) {
	w.t.Helper()
	w.stop()
	item, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.state.Backend.Commit(context.Background(), w.state.Removal(item)...); err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

func TestAJobsVolumesGoWithItUnlessTheyAreKept(t *testing.T) {
	for name, end := range map[string]func(*world, *trainingv1.TrainingJob){
		"while it runs": func(*world, *trainingv1.TrainingJob) {},
		"from the archive": func(w *world, job *trainingv1.TrainingJob) {
			w.agent.finish(t, w.runs(job, 1), 0)
			w.eventually("it to be archived", func() bool { return w.archived(job) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.after = time.Nanosecond
			w.volumes.put("keep-a", false)
			w.start()
			job := w.create("a", nil, ownAndKept()...)
			w.runs(job, 1)
			if got := w.volumes.names(); got != "keep-a own-a" {
				t.Fatalf("there are %q", got)
			}
			end(w, job)
			w.condemn(job)
			w.eventually("its own to go", func() bool { return w.volumes.names() == "keep-a" })
			w.eventually("it to be forgotten", func() bool {
				left, _, err := w.state.Condemned.List(context.Background(), "")
				return err == nil && len(left) == 0
			})
		})
	}
}

func TestAVolumeOfSomebodyElseIsNotTaken(t *testing.T) {
	w := newWorld(t)
	w.volumes.put("own-a", false)
	w.start()
	job := w.create("a", nil, ownAndKept()...)
	if s := w.becomes(job, lifecycle.Failed).GetStatus(); !strings.Contains(s.GetMessage(), "volume own-a exists already") {
		t.Errorf("message %q", s.GetMessage())
	}
	w.condemn(job)
	w.eventually("it to be forgotten", func() bool {
		left, _, err := w.state.Condemned.List(context.Background(), "")
		return err == nil && len(left) == 0
	})
	if got := w.volumes.names(); got != "own-a" {
		t.Errorf("there are %q; want the one that is not the job's", got)
	}
}

func TestAJobWaitsForAVolumeToGo(t *testing.T) {
	w := newWorld(t)
	w.volumes.put("own-a", true)
	w.start()
	job := w.create("a", nil, ownAndKept()...)
	w.eventually("it to say what it waits for", func() bool {
		item, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
		return err == nil && strings.HasPrefix(item.Value.GetStatus().GetMessage(), "waits for volume own-a")
	})
	if _, err := w.volumes.DeleteVolume(t.Context(), &gpuagentv1.DeleteVolumeRequest{Name: "own-a"}); err != nil {
		t.Fatal(err)
	}
	w.runs(job, 1)
}
