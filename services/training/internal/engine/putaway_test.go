package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// records is an archive that may be away.
type records struct {
	metadatav1.UnimplementedArchiveServiceServer

	mu   sync.Mutex
	away bool                          // guarded by mu
	kept map[string]*metadatav1.Record // guarded by mu; by uid
}

func (r *records) PutRecord(_ context.Context, put *metadatav1.PutRecordRequest) (*emptypb.Empty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return nil, fault.Unavailablef("the archive is away")
	}
	r.kept[put.GetRecord().GetUid()] = put.GetRecord()
	return &emptypb.Empty{}, nil
}

func (r *records) GetRecord(_ context.Context, g *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if record := r.kept[g.GetUid()]; record != nil {
		return record, nil
	}
	return nil, fault.NotFoundf("no record %s", g.GetUid())
}

func (r *records) ListRecords(_ context.Context, l *metadatav1.ListRecordsRequest) (*metadatav1.ListRecordsResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &metadatav1.ListRecordsResponse{}
	for _, uid := range l.GetFilter().GetPredicates()[0].GetStringValues().GetValues() {
		if record := r.kept[uid]; record != nil {
			out.Records = append(out.Records, record)
		}
	}
	return out, nil
}

func (r *records) DeleteRecord(_ context.Context, d *metadatav1.DeleteRecordRequest) (*emptypb.Empty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[d.GetUid()] == nil {
		return nil, fault.NotFoundf("no record %s", d.GetUid())
	}
	delete(r.kept, d.GetUid())
	return &emptypb.Empty{}, nil
}

// job is a job as it is archived.
func (r *records) job(t *testing.T, uid string) *trainingv1.TrainingJob {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	job := &trainingv1.TrainingJob{}
	if err := proto.Unmarshal(r.kept[uid].GetSummary(), job); err != nil {
		t.Fatal(err)
	}
	return job
}

func (r *records) has(uid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[uid] != nil
}

// archived reports whether the store has no more than a stub of a job, and nothing runs of it.
func (w *world) archived(job *trainingv1.TrainingJob) bool {
	item, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
	return err == nil && item.Value.GetArchived() && item.Value.GetManifest() == "" && lifecycle.Ended(item.Value.GetStatus())
}

func TestAnEndedJobIsArchived(t *testing.T) {
	w := newWorld(t)
	w.after = time.Nanosecond
	w.start()
	job := w.create("a", nil)
	uid, name := job.GetMetadata().GetUid(), w.runs(job, 1)
	w.agent.finish(t, name, 0)
	w.eventually("it to be archived", func() bool { return w.archived(job) && w.records.has(uid) })
	w.eventually("its workload to go, but not what it has kept", func() bool {
		w.agent.mu.Lock()
		defer w.agent.mu.Unlock()
		return w.agent.workloads[name] == nil && w.agent.left["job-"+uid]
	})
	w.stop()
	item, err := w.state.Jobs.Get(t.Context(), state.KeyOf(job))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.state.Backend.Commit(t.Context(), w.state.Removal(item)...); err != nil { // while nobody leads
		t.Fatal(err)
	}
	w.start()
	w.eventually("nothing to be left of it", func() bool {
		w.agent.mu.Lock()
		defer w.agent.mu.Unlock()
		condemned, _, err := w.state.Condemned.List(context.Background(), "")
		return err == nil && len(condemned) == 0 && len(w.agent.left) == 0 && !w.records.has(uid)
	})
}

// ran are the workloads that the archive has of a job.
func (w *world) ran(job *trainingv1.TrainingJob) []*gpuagentv1.Workload {
	w.t.Helper()
	item, err := w.state.Jobs.Get(w.t.Context(), state.KeyOf(job))
	if err != nil {
		w.t.Fatal(err)
	}
	kept := archive.New(metadatav1.NewArchiveServiceClient(w.mesh.Conn("metadata")))
	ran, err := kept.Ran(w.t.Context(), []*trainingv1.TrainingJob{item.Value})
	if err != nil {
		w.t.Fatal(err)
	}
	return ran
}

func TestWhatRanIsArchivedWithTheJob(t *testing.T) {
	w := newWorld(t)
	w.after = time.Nanosecond
	w.start()
	job := w.create("a", nil)
	w.agent.finish(t, w.runs(job, 1), 1)
	last := w.runs(job, 2)
	w.agent.finish(t, last, 0)
	w.eventually("it to be archived", func() bool { return w.archived(job) })
	check := func(when string) {
		t.Helper()
		ran := w.ran(job)
		if len(ran) != 1 || ran[0].GetMetadata().GetName() != last || ran[0].GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s the archive has %v, want the last attempt alone", when, ran)
		}
	}
	check("at first")
	w.eventually("its workloads to go", func() bool {
		w.agent.mu.Lock()
		defer w.agent.mu.Unlock()
		return len(w.agent.workloads) == 0
	})
	item, err := w.state.Jobs.Get(t.Context(), state.KeyOf(job))
	if err != nil {
		t.Fatal(err)
	}
	back := w.records.job(t, job.GetMetadata().GetUid()) // as a change of its labels has it
	back.Metadata.Labels = map[string]string{"seen": "yes"}
	if _, err := w.state.Jobs.Update(t.Context(), item.Key, back, item.Revision); err != nil {
		t.Fatal(err)
	}
	w.eventually("it to be archived again", func() bool {
		item, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
		return err == nil && item.Value.GetArchived() && item.Value.GetMetadata().GetLabels()["seen"] == "yes"
	})
	check("once it has been back")
}

func TestATimeToLiveInTheArchive(t *testing.T) {
	w := newWorld(t)
	w.after = time.Nanosecond
	w.start()
	job := w.create("a", map[string]any{"ttlSecondsAfterFinished": 1})
	w.agent.finish(t, w.runs(job, 1), 0)
	w.eventually("it to be archived", func() bool { return w.archived(job) })
	w.eventually("it to be deleted", func() bool {
		_, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
		return fault.Is(err, fault.NotFound) && !w.records.has(job.GetMetadata().GetUid())
	})
}

func TestAJobStaysWhileTheArchiveIsAway(t *testing.T) {
	w := newWorld(t)
	w.after, w.records.away = time.Nanosecond, true
	w.start()
	job := w.create("a", nil)
	w.agent.finish(t, w.runs(job, 1), 1)
	w.agent.finish(t, w.runs(job, 2), 0)
	if now := w.becomes(job, lifecycle.Succeeded); now.GetArchived() || now.GetManifest() == "" {
		t.Errorf("%v", now)
	}
	w.stop()
	w.records.mu.Lock()
	w.records.away = false
	w.records.mu.Unlock()
	w.start() // the archive is tried again in a while otherwise
	w.eventually("it to be archived", func() bool { return w.archived(job) })
}

// TestWhateverMomentArchivingEnds cuts the engine off again and again: no job is lost, and
// none is in the store and gone from the archive.
func TestWhateverMomentArchivingEnds(t *testing.T) {
	w := newWorld(t)
	w.after = time.Nanosecond
	var jobs []*trainingv1.TrainingJob
	for i := range 8 {
		jobs = append(jobs, w.create(strings.Repeat("j", i+1), nil))
	}
	w.start()
	names := map[string]bool{}
	for _, job := range jobs {
		names[w.runs(job, 1)] = true
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 30 {
			w.stop()
			w.start()
			<-time.After(3 * time.Millisecond) // any moment will do
		}
	}()
	for name := range names {
		w.agent.finish(t, name, 0)
	}
	<-done
	for _, job := range jobs {
		w.eventually("it to be archived", func() bool { return w.archived(job) })
		if !w.records.has(job.GetMetadata().GetUid()) {
			t.Errorf("job %s is in no archive", job.GetMetadata().GetName())
		}
	}
	w.eventually("all workloads to go", func() bool {
		w.agent.mu.Lock()
		defer w.agent.mu.Unlock()
		return len(w.agent.workloads) == 0 && len(w.agent.left) == len(jobs)
	})
}
