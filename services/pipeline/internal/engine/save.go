package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const (
	maxOps        = 100     // of a commit
	maxEntries    = 20      // cache entries in a commit
	maxBatchBytes = 1 << 20 // of a commit, below etcd's limit on requests
)

// saver knows what of a run is to be written. One commit is under way at a time.
type saver struct {
	dirty   *order // ids of tasks
	status  bool   // whether the run's status is to be written
	entries []store.Op
	hits    map[string]bool // ids of tasks that reuse another's outputs, until that is written
	writing bool
	since   time.Time                   // when the oldest of it was marked
	stored  map[string]*pipelinev1.Task // records as they were at the restore
	spent   *order                      // workloads whose success is saved
	gone    map[string]bool             // those that were deleted: a task is saved once more when it was recorded
}

// markHit has the commit that writes a task check that what it reuses stands.
func (s *saver) markHit(id string) {
	if s.hits == nil {
		s.hits = map[string]bool{}
	}
	s.hits[id] = true
}

func (s *saver) mark(id string) {
	s.touch()
	s.dirty.put(id)
}

func (s *saver) markStatus() {
	s.touch()
	s.status = true
}

// markEntry adds a cache entry. Equal steps of a run that end together have one
// key, which a commit may write but once: the later entry counts.
func (s *saver) markEntry(op store.Op) {
	s.touch()
	s.entries = slices.DeleteFunc(s.entries, func(earlier store.Op) bool { return earlier.Key == op.Key })
	s.entries = append(s.entries, op)
}

func (s *saver) touch() {
	if !s.pending() {
		s.since = time.Now()
	}
}

func (s *saver) pending() bool { return s.status || s.dirty.len() > 0 || len(s.entries) > 0 }

func (s *saver) idle() bool { return !s.pending() && !s.writing }

// fills reports whether the tasks that wait fill a commit: then there is nothing
// to wait for, and a long run would fall ever further behind.
func (s *saver) fills() bool { return s.dirty.len() >= maxOps }

// untilSave returns how long the next commit may wait, if there is one to come.
func (r *runner) untilSave() (time.Duration, bool) {
	if r.saver.writing || !r.saver.pending() {
		return 0, false
	}
	if r.held || r.saver.fills() {
		return 0, true
	}
	return r.engine.cfg.SaveDelay - time.Since(r.saver.since), true
}

// commit is one write of a run's state.
type commit struct {
	id     string
	ops    []store.Op
	item   store.Item[*pipelinev1.RunState]
	status *runStatus // nil when it is not part of it
	spent  []string   // workloads that nothing is to be learnt from any more, once this is written
}

// save starts a commit of what is to be written, unless one is under way. The
// run's status goes with the last of the tasks.
func (r *runner) save(ctx context.Context) {
	if r.saver.writing || !r.saver.pending() {
		return
	}
	r.saver.since = time.Now()
	c := commit{id: r.item.Key, ops: slices.Clone(r.guard), item: r.item}
	r.addEntries(&c)
	r.addTasks(&c)
	if r.saver.status && r.saver.dirty.len() == 0 && len(r.saver.entries) == 0 {
		status := r.status
		c.status = &status
		r.saver.status = false
	}
	r.saver.writing = true
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		item, err := c.write(ctx, r.engine.deps.State)
		return func(ctx context.Context) { r.saved(ctx, c, item, err) }
	})
}

func (r *runner) saved(ctx context.Context, c commit, item store.Item[*pipelinev1.RunState], err error) {
	r.saver.writing = false
	switch {
	case err == nil:
	case fault.Is(err, fault.AlreadyExists):
		r.fatal = fmt.Errorf("%w: %w", errTakenBack, err)
		return
	case final(ctx, err) && !r.givenUp:
		r.giveUp(ctx, err)
		return
	default:
		r.fatal = err
		return
	}
	r.discardHandover(ctx, c.spent)
	r.releaseSpent(c.spent)
	if item.Revision > r.item.Revision {
		r.item = item
	}
	if !r.saver.pending() {
		r.held = false
	}
}

func (r *runner) addEntries(c *commit) {
	n := min(len(r.saver.entries), maxEntries)
	c.ops = append(c.ops, r.saver.entries[:n]...)
	r.saver.entries = r.saver.entries[n:]
}

// addTasks adds as many records as a commit takes, leaving room for the run.
func (r *runner) addTasks(c *commit) {
	size := 0
	for len(c.ops) < maxOps-1-maxProducers && size < maxBatchBytes-maxTaskBytes {
		ids := r.saver.dirty.take(1)
		if len(ids) == 0 {
			return
		}
		task := fit(r.plan.Task(ids[0]))
		same := proto.Equal(task, r.saver.stored[ids[0]])
		delete(r.saver.stored, ids[0])
		if !same {
			op := r.engine.deps.State.Tasks.UpdateOp(state.TaskKey(c.id, ids[0]), task, store.AnyRevision)
			size += len(op.Value)
			c.ops = append(c.ops, op)
		}
		if task.GetDetail().GetState() == pipelinev1.RuntimeState_SUCCEEDED && task.GetWorkload() != "" {
			c.spent = append(c.spent, task.GetWorkload())
		}
		if r.saver.hits[ids[0]] {
			delete(r.saver.hits, ids[0])
			c.check(r.engine.standing(task))
		}
	}
}

// check adds checks to the commit that it does not have yet.
func (c *commit) check(ops []store.Op) {
	for _, op := range ops {
		if !slices.ContainsFunc(c.ops, func(has store.Op) bool { return has.Key == op.Key }) {
			c.ops = append(c.ops, op)
		}
	}
}

// releaseSpent has workloads deleted whose success is saved, all but the latest: a run
// of tens of thousands of steps would fill the memory of whoever keeps them.
func (r *runner) releaseSpent(spent []string) {
	for _, workload := range spent {
		if !r.saver.gone[workload] {
			r.saver.spent.put(workload)
		}
	}
	for _, workload := range r.saver.spent.take(r.saver.spent.len() - r.engine.cfg.KeptWorkloads) {
		r.saver.gone[workload] = true
		r.engine.workloads.release(r.item.Key, name{r.self.Namespace, workload})
	}
}

// write commits, taking in what others changed about the run meanwhile. It
// returns the run as it then is.
func (c commit) write(ctx context.Context, s *state.State) (store.Item[*pipelinev1.RunState], error) {
	for {
		ops := c.ops
		if c.status != nil {
			ops = append(slices.Clone(ops), s.Runs.UpdateOp(c.id, c.status.on(c.item.Value), c.item.Revision))
		}
		if len(ops) == 0 {
			return c.item, nil
		}
		revision, err := c.try(ctx, s.Backend, ops)
		if err == nil && c.status != nil {
			c.item.Value, c.item.Revision = c.status.on(c.item.Value), revision
		}
		if err == nil || !fault.Is(err, fault.Conflict) || c.status == nil {
			return c.item, err
		}
		before := c.item.Revision
		if c.item, err = s.Runs.Get(ctx, c.id); err != nil {
			return c.item, err
		}
		if c.item.Revision == before {
			return c.item, fault.Conflictf("this replica no longer leads")
		}
	}
}

func (c commit) try(ctx context.Context, backend store.Backend, ops []store.Op) (revision int64, err error) {
	err = persist(ctx, func(ctx context.Context) (err error) {
		revision, err = backend.Commit(ctx, ops...)
		return err
	})
	return revision, err
}
