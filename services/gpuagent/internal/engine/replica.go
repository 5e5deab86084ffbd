package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/logfile"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
)

// Back-off between the attempts of a replica: doubled each time, up to the longest.
const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = 30 * time.Second
)

// Limits of the log tail in a status.
const (
	tailLines = 40
	tailBytes = 4 << 10
)

// longestReturn is how large a file that comes back may be for what it says of objects
// to be translated.
const longestReturn = 64 << 20

// defaultGrace is between SIGTERM and SIGKILL when the spec does not say.
const defaultGrace = 10 * time.Second

// replica is one replica of a life.
type replica struct {
	life     *life
	workload *gpuagentv1.Workload // as it was when the replicas were placed
	position int                  // among all replicas of the workload
	status   *gpuagentv1.ReplicaStatus
	template *gpuagentv1.Template // with the paths of objects that its node has
	dir      string
	runtime  runtime.Runtime // nil until run has chosen it
	starter  runtime.Starter // nil until the first attempt of this agent
	prepared bool
	stopping context.Context // ends when the replica is to stop, by itself or with all; its cause says why
	stop     context.CancelCauseFunc
}

func newReplica(l *life, w *gpuagentv1.Workload, position int) *replica {
	status := w.GetStatus().GetReplicas()[position]
	r := &replica{
		life: l, workload: w, position: position, status: status,
		dir: l.engine.replicaDir(l.run, placeName(status)),
	}
	r.template = r.placed(template(w, position))
	r.stopping, r.stop = context.WithCancelCause(l.stopping)
	if status.GetLeaving() {
		r.stop(errLeaving)
	}
	return r
}

// place is what the runtimes know the replica by.
func (r *replica) place() runtime.Place {
	return r.life.engine.placeOf(r.life.run, placeName(r.status))
}

// run is lead, and removes what there is of a replica that has left; its log is kept.
func (r *replica) run(ctx context.Context) result {
	res := r.lead(ctx)
	if ctx.Err() == nil && errors.Is(context.Cause(r.stopping), errLeaving) {
		r.life.engine.keepLogOf(ctx, r.workload, r.status)
		r.life.engine.removePlaces(ctx, []runtime.Place{r.place()})
	}
	return res
}

// lead takes up the last attempt, or makes the first, and goes on until no more
// are wanted. Its result means nothing when ctx has ended.
func (r *replica) lead(ctx context.Context) result {
	n, fresh, err := r.lastAttempt()
	if err != nil {
		r.life.storeLastCheckpoints(ctx)
		return failure(runtime.ReasonStart, "%v", err)
	}
	defer r.close()
	for {
		res := r.attempt(ctx, n, fresh)
		if ctx.Err() != nil {
			return res
		}
		if r.stopping.Err() != nil || !wantsRestart(r.restartPolicy(), res) || !r.countRestart(&res) {
			return r.collect(ctx, res)
		}
		if !r.backOff(ctx, res) {
			return r.collect(ctx, stopResult(context.Cause(r.stopping), r.life.spec))
		}
		n, fresh = n+1, true
	}
}

// restartPolicy is that of the replica's group, or else of the workload.
func (r *replica) restartPolicy() gpuagentv1.RestartPolicy {
	if own := group(r.workload, r.position).GetRestartPolicy(); own != gpuagentv1.RestartPolicy_RESTART_POLICY_UNSPECIFIED {
		return own
	}
	return r.life.spec.GetRestartPolicy()
}

// lastAttempt chooses the runtime: the one that has run the replica before, or else by
// the template. It returns the attempt to take up, and whether it is still to be made.
func (r *replica) lastAttempt() (n int, fresh bool, err error) {
	past, h, err := r.life.engine.Runtimes.Past(r.place())
	if err != nil {
		return 0, false, err
	}
	if past == nil {
		if r.runtime, err = r.life.engine.Runtimes.Choose(r.template); err == nil {
			r.life.ran(r.position, r.runtime.Name())
		}
		return 1, true, err
	}
	r.runtime = past
	r.life.ran(r.position, past.Name())
	if h.Begun > 1 {
		r.life.recordRestarts(r.position, int32(h.Begun-1))
	}
	if h.Open {
		return h.Attempts[len(h.Attempts)-1], false, nil
	}
	return h.Next, true, nil
}

// attempt makes attempt n, or takes it up, and waits for its end.
func (r *replica) attempt(ctx context.Context, n int, fresh bool) result {
	var attempt runtime.Attempt
	if fresh {
		if r.stopping.Err() != nil {
			return stopResult(context.Cause(r.stopping), r.life.spec)
		}
		var failed *result
		if attempt, failed = r.start(ctx, n); failed != nil {
			return *failed
		}
	} else {
		attempt = r.runtime.Adopt(r.place(), n)
	}
	r.running(attempt)
	ready := r.probe(ctx, attempt)
	defer ready()
	unwatch := context.AfterFunc(r.stopping, func() {
		if err := attempt.Stop(ctx); err != nil && ctx.Err() == nil {
			r.life.engine.Log.ErrorContext(ctx, "replica cannot be told to stop", "workload", r.life.key, "error", err)
		}
	})
	defer unwatch()
	exit, err := attempt.Wait(ctx)
	if err != nil { // the agent ends
		return result{}
	}
	if exit.Cause == runtime.Lost && r.lapsed() { // its supervisor was killed with the lease
		exit.Reason, exit.Message = runtime.ReasonNodeLost, "its node had not been heard of"
	}
	return exitResult(exit, context.Cause(r.stopping), r.life.spec)
}

// start prepares the replica and begins attempt n. What the runtime warms up is on
// its way while that goes on and while the workload is being stored.
func (r *replica) start(ctx context.Context, n int) (runtime.Attempt, *result) {
	if r.starter == nil {
		r.starter = r.runtime.Open(r.place())
	}
	if r.lapsed() {
		return nil, new(errLapsed())
	}
	if !r.prepared {
		if failure := r.prepare(ctx); failure != nil {
			return nil, failure
		}
		r.prepared = true
	}
	if !r.life.awaitKnown(ctx) {
		stopped := stopResult(errDeleted, r.life.spec)
		return nil, &stopped
	}
	if r.lapsed() { // which its supervisor, if it has one, looks at again
		return nil, new(errLapsed())
	}
	attempt, err := r.starter.Start(ctx, n)
	if err != nil {
		return nil, failed(runtime.ReasonOf(err), err)
	}
	return attempt, nil
}

// close lets go of what was made ready for attempts.
func (r *replica) close() {
	if r.starter != nil {
		r.starter.Close()
	}
}

// running notes that the replica runs.
func (r *replica) running(attempt runtime.Attempt) {
	now := timestamp(time.Now())
	r.life.update(func(s *gpuagentv1.WorkloadStatus) {
		status := s.GetReplicas()[r.position]
		status.Phase, status.Message = gpuagentv1.Phase_PHASE_RUNNING, ""
		status.Ready = r.template.GetReadinessProbe() == nil
		if status.GetStartTime() == nil {
			status.StartTime = now
		}
		tell(s, "")
	})
	r.life.setPID(r.position, attempt.PID)
}

// countRestart takes one of the restarts that are allowed. When none is left it
// says so in the result.
func (r *replica) countRestart(res *result) bool {
	restarts, ok := r.life.takeRestart(r.position)
	if !ok && restarts > 0 && res.phase == gpuagentv1.Phase_PHASE_FAILED {
		res.reason = reasonBackoff
		res.message = fmt.Sprintf("%s, and %d restarts have been used up", res.message, restarts)
	}
	return ok
}

// backOff waits before the next attempt; false when the life is to stop instead.
func (r *replica) backOff(ctx context.Context, res result) bool {
	wait := longestBackoff
	if n := r.life.restartsOf(r.position); n < 10 {
		wait = min(longestBackoff, firstBackoff<<(n-1))
	}
	r.life.update(func(s *gpuagentv1.WorkloadStatus) {
		status := s.GetReplicas()[r.position]
		status.Phase, status.Ready, status.Pid = gpuagentv1.Phase_PHASE_STARTING, false, 0
		status.Message = fmt.Sprintf("starts again in %s after it ended with %s", wait, orZero(res.message))
	})
	select {
	case <-time.After(wait):
		return true
	case <-r.stopping.Done():
		return false
	case <-ctx.Done():
		return true // attempt sees it
	}
}

func orZero(message string) string {
	if message == "" {
		return "exit status 0"
	}
	return message
}

// collect brings home what the replica made, and what its failure looked like.
func (r *replica) collect(ctx context.Context, res result) result {
	missing, files, err := r.bringHome(ctx, res.phase == gpuagentv1.Phase_PHASE_SUCCEEDED)
	if err != nil {
		code, start := res.code, res.start
		res = failure(reasonUpload, "%v", err)
		res.code, res.start = code, start
	}
	tail := ""
	if res.phase == gpuagentv1.Phase_PHASE_FAILED {
		tail = logfile.Tail(logPath(r.dir), tailLines, min(tailBytes, r.life.room()))
	}
	r.life.storeLastCheckpoints(ctx)
	r.life.update(func(s *gpuagentv1.WorkloadStatus) {
		status := s.GetReplicas()[r.position]
		status.MissingUploads, status.Files, status.LogTail = missing, files, tail
		status.Phase, status.Ready, status.Pid, status.ExitCode = res.phase, false, 0, res.code
		status.Reason, status.Message = res.reason, res.message
		status.FinishTime = timestamp(res.finish)
	})
	return res
}

// bringHome stores what a replica made that has succeeded, and reads what is wanted
// back of any.
func (r *replica) bringHome(ctx context.Context, succeeded bool) (missing []string, files []*gpuagentv1.ReturnedFile, err error) {
	stage, workDir, room := r.template.GetStaging(), r.workDir(), r.life.room()
	defer func() { missing, files = r.named(missing, files) }()
	if err := r.objects().Externalize(stage, workDir, longestReturn); err != nil {
		return nil, nil, err
	}
	if succeeded {
		err = r.reach(ctx, func() error {
			if missing, err = staging.After(ctx, stage, workDir, r.life.engine.Objects); err == nil {
				files, err = staging.Return(ctx, stage, workDir, room, r.life.engine.Objects)
			}
			return err
		})
		if err == nil {
			return missing, files, nil
		}
	}
	files, _ = staging.Return(ctx, stage, workDir, room, nil) // which stores nothing, so nothing fails
	return missing, files, err
}
