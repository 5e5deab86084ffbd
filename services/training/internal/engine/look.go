package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// mostSteps bounds the steps of one look: of any honest job it is three.
const mostSteps = 20

// retryAfter is the pause before a job is looked at again after a failure.
const retryAfter = 500 * time.Millisecond

// item is a job as it is stored.
type item = store.Item[*trainingv1.TrainingJob]

// look does what there is to do about a job, and sees to it that it is looked at again.
func (e *Engine) look(ctx context.Context, uid string) {
	wake, err := e.lookAt(ctx, uid)
	switch {
	case ctx.Err() != nil:
	case err == nil && wake.IsZero():
		e.queue.forget(uid)
	case err == nil:
		e.queue.putAt(uid, wake)
	case fault.Is(err, fault.Conflict):
		e.queue.putAt(uid, time.Now().Add(firstPause))
	default:
		e.deps.Log.WarnContext(ctx, "a job could not be looked after; trying again", "uid", uid, "error", err)
		e.queue.putAt(uid, time.Now().Add(retryAfter))
	}
}

func (e *Engine) lookAt(ctx context.Context, uid string) (wake time.Time, err error) {
	found := e.deps.Jobs.Find(state.ByUID, uid)
	if len(found) == 0 {
		return e.bury(ctx, uid)
	}
	job := found[0]
	defer func() { // so that the next look begins with what this one has stored
		if err == nil {
			err = e.deps.Jobs.WaitFor(ctx, job.Revision)
		}
	}()
	if job.Value.GetArchived() {
		return e.shelved(ctx, &job)
	}
	for range mostSteps {
		w := e.board.get(uid, part{job.Value.GetStatus().GetAttempt(), job.Value.GetStatus().GetStage()})
		step := lifecycle.Next(job.Value, w, time.Now())
		if lifecycle.Ended(step.Status) && !lifecycle.Ended(job.Value.GetStatus()) {
			e.closeTrack(ctx, job.Value, step.Status)
		}
		if job, err = e.store(ctx, job, step.Status); err != nil {
			return time.Time{}, err
		}
		again, err := e.act(ctx, &job, step.Action)
		if errors.Is(err, errAwaits) {
			return time.Now().Add(claimAgainAfter), nil
		}
		if err != nil {
			return time.Time{}, err
		}
		if !again {
			return e.putAway(ctx, &job, w, step.Wake), e.retire(ctx, job.Value)
		}
	}
	return time.Time{}, fault.Internalf(nil, "job %s does not come to rest", job.Key)
}

// store stores a status if it is news, and returns the job as it then is.
func (e *Engine) store(ctx context.Context, job item, status *trainingv1.TrainingJobStatus) (item, error) {
	if proto.Equal(status, job.Value.GetStatus()) {
		return job, nil
	}
	value := proto.CloneOf(job.Value)
	value.Status = status
	if value.GetStatus().GetAttempt() > 0 {
		m := value.GetMetadata()
		value.Status.Workload = launch.Name(m.GetName(), m.GetUid(), status.GetAttempt(), status.GetStage())
	}
	value.Metadata.UpdateTime = timestamppb.Now()
	revision, err := e.deps.State.Backend.Commit(ctx, append(slices.Clip(e.lead.Guard), e.deps.State.Jobs.UpdateOp(job.Key, value, job.Revision))...)
	if err == nil {
		return item{Key: job.Key, Value: value, Revision: revision, CreateRevision: job.CreateRevision}, nil
	}
	if !fault.Is(err, fault.Conflict) {
		return job, err
	}
	// Somebody changed it, or what the cache says is old: the store knows, and the next look will.
	current, getErr := e.deps.State.Jobs.Get(ctx, job.Key)
	if fault.Is(getErr, fault.NotFound) {
		return job, err
	}
	if getErr != nil {
		return job, getErr
	}
	return job, errors.Join(err, e.deps.Jobs.WaitFor(ctx, current.Revision))
}

// act does what a step asks for, and reports whether there is another step to make at
// once.
func (e *Engine) act(ctx context.Context, job *item, action lifecycle.Action) (again bool, err error) {
	switch action {
	case lifecycle.Submit:
		return true, e.submit(ctx, job)
	case lifecycle.Stop:
		return false, e.stop(ctx, job.Value)
	case lifecycle.Scale:
		return false, e.scale(ctx, job.Value)
	case lifecycle.Delete:
		return false, e.remove(ctx, *job)
	}
	return false, nil
}

// submit submits the present attempt, which may have been done before.
func (e *Engine) submit(ctx context.Context, job *item) error {
	m, status := job.Value.GetMetadata(), job.Value.GetStatus()
	parsed, err := trainjob.Stored(job.Value)
	if err != nil {
		return e.refuse(ctx, job, err)
	}
	parsed.Name, parsed.Namespace = m.GetName(), m.GetNamespace()
	if ready, err := e.claim(ctx, job); err != nil || !ready {
		return err
	}
	restarts := int32(-1)
	if limit := job.Value.GetSpec().GetRunPolicy().BackoffLimit; limit != nil {
		restarts = max(0, *limit-status.GetRestarts())
	}
	attempt := launch.Attempt{UID: m.GetUid(), Number: status.GetAttempt(), Stage: status.GetStage(), Restarts: restarts}
	if e.deps.Gateway != nil {
		attempt.Gateway = e.deps.Gateway(ctx)
	}
	attempt.Tracked = attempt.Gateway != "" && e.track(ctx, job.Value)
	asked := launch.Workload(parsed, attempt)
	w, err := e.deps.Workloads.SubmitWorkload(ctx, &gpuagentv1.SubmitWorkloadRequest{Workload: asked, Fence: e.lead.Fence})
	switch {
	case fault.Is(err, fault.AlreadyExists):
		w, err = e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: m.GetNamespace(), Name: asked.GetMetadata().GetName()})
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Exhausted), fault.Is(err, fault.Precondition):
		return e.refuse(ctx, job, err)
	}
	if err != nil {
		return err
	}
	e.board.add(w)
	return nil
}

// refuse ends a job that no agent takes, as it is.
func (e *Engine) refuse(ctx context.Context, job *item, why error) error {
	var err error
	*job, err = e.store(ctx, *job, lifecycle.Refuse(job.Value, why.Error(), time.Now()))
	return err
}

// stop asks the present attempt to end.
func (e *Engine) stop(ctx context.Context, job *trainingv1.TrainingJob) error {
	_, err := e.deps.Workloads.StopWorkload(ctx, &gpuagentv1.StopWorkloadRequest{
		Namespace: job.GetMetadata().GetNamespace(), Name: job.GetStatus().GetWorkload(), Message: "stopped by its job",
	})
	if fault.Is(err, fault.NotFound) { // its deletion is told
		return nil
	}
	return err
}

// scale gives the present attempt the number of replicas that its job is to have by now. One
// that cannot be scaled is stopped instead, so that another attempt has that number.
func (e *Engine) scale(ctx context.Context, job *trainingv1.TrainingJob) error {
	w := e.board.get(job.GetMetadata().GetUid(), part{job.GetStatus().GetAttempt(), job.GetStatus().GetStage()})
	to, can := lifecycle.Rescale(job, w)
	if !can {
		return nil
	}
	_, err := e.deps.Workloads.ScaleWorkload(ctx, &gpuagentv1.ScaleWorkloadRequest{
		Namespace: job.GetMetadata().GetNamespace(), Name: job.GetStatus().GetWorkload(), Group: to.Group, Count: to.Count, Fence: e.lead.Fence,
	})
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Precondition): // what became of it is told
		return nil
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Exhausted):
		e.deps.Log.WarnContext(ctx, "an attempt cannot be scaled and is started anew", "workload", job.GetStatus().GetWorkload(), "error", err)
		return e.stop(ctx, job)
	}
	return err
}

// retire deletes the workloads of attempts before the present one, once that is
// known to exist: until then the directory that they keep would go with them.
func (e *Engine) retire(ctx context.Context, job *trainingv1.TrainingJob) error {
	if !job.GetStatus().GetSubmitted() {
		return nil
	}
	var errs []error
	for _, w := range e.board.of(job.GetMetadata().GetUid()) {
		if launch.NumberOf(w) < job.GetStatus().GetAttempt() {
			errs = append(errs, e.delete(ctx, w, false))
		}
	}
	return errors.Join(errs...)
}

// bury deletes the workloads of a job that is no more or rests, and what else there is of one
// that is no more. The store is asked, for the cache has none that rest, and may not know a job
// that an earlier leader has begun.
func (e *Engine) bury(ctx context.Context, uid string) (wake time.Time, err error) {
	var errs []error
	for _, w := range e.board.of(uid) {
		m := w.GetMetadata()
		stored, err := e.deps.State.Jobs.Get(ctx, state.Key(m.GetNamespace(), m.GetLabels()[launch.LabelKind], m.GetLabels()[launch.LabelName]))
		switch {
		case err == nil && stored.Value.GetMetadata().GetUid() == uid:
			if stored.Value.GetArchived() { // what it has kept stays
				errs = append(errs, e.delete(ctx, w, true))
			}
		case err == nil, fault.Is(err, fault.NotFound):
			errs = append(errs, e.delete(ctx, w, false))
		default:
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return time.Time{}, err
	}
	return e.clear(ctx, uid)
}

// delete deletes a workload, and what it keeps unless that is left.
func (e *Engine) delete(ctx context.Context, w *gpuagentv1.Workload, leave bool) error {
	m := w.GetMetadata()
	_, err := e.deps.Workloads.DeleteWorkload(ctx, &gpuagentv1.DeleteWorkloadRequest{Namespace: m.GetNamespace(), Name: m.GetName(), LeaveKept: leave})
	if err == nil || fault.Is(err, fault.NotFound) {
		e.board.remove(w)
		return nil
	}
	return err
}
