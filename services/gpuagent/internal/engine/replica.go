package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/logfile"
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

// defaultGrace is between SIGTERM and SIGKILL when the spec does not say.
const defaultGrace = 10 * time.Second

// replica is one replica of a life.
type replica struct {
	life     *life
	position int // among all replicas of the workload
	status   *gpuagentv1.ReplicaStatus
	template *gpuagentv1.Template
	dir      string
	prepared *supervise.Spec // nil until the first attempt of this agent
}

func newReplica(l *life, position int) *replica {
	w := l.snapshot()
	status := w.GetStatus().GetReplicas()[position]
	return &replica{
		life: l, position: position, status: status, template: template(w, position),
		dir: replicaDir(l.engine.workloadDir(l.uid), status.GetGroup(), status.GetIndex()),
	}
}

// replicaDir is where everything of one replica is.
func replicaDir(workloadDir, group string, index int32) string {
	return filepath.Join(workloadDir, fmt.Sprintf("%s-%d", group, index))
}

func logPath(replicaDir string) string { return filepath.Join(replicaDir, "log") }

// epochPrefix begins the names of journals.
const epochPrefix = "epoch."

func (r *replica) journal(n int) string { return filepath.Join(r.dir, epochPrefix+strconv.Itoa(n)) }

// run takes up the last attempt, or makes the first, and goes on until no more
// are wanted. Its result means nothing when ctx has ended.
func (r *replica) run(ctx context.Context) result {
	n, fresh, err := r.lastEpoch()
	for {
		if err != nil {
			return failure(reasonStart, "%v", err)
		}
		res := r.attempt(ctx, n, fresh)
		if ctx.Err() != nil {
			return res
		}
		if r.life.stopping.Err() != nil || !wantsRestart(r.life.spec.GetRestartPolicy(), res) || !r.countRestart(&res) {
			return r.collect(ctx, res)
		}
		if !r.backOff(ctx, res) {
			return r.collect(ctx, stopResult(context.Cause(r.life.stopping), r.life.spec))
		}
		n, fresh = n+1, true
	}
}

// lastEpoch returns the attempt to take up, and whether it is still to be made. An
// attempt whose supervisor has not come so far as to begin its journal is made
// again under the same number: only one of the two gets the journal.
func (r *replica) lastEpoch() (n int, fresh bool, err error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil && !os.IsNotExist(err) {
		return 0, false, err
	}
	started := int32(0)
	state := supervise.Sealed
	for _, n = range epochNumbers(entries) {
		state, _, err = supervise.Inspect(r.journal(n))
		if err != nil {
			return 0, false, err
		}
		if state != supervise.Sealed {
			started++
		}
	}
	if started > 1 {
		r.life.recordRestarts(r.position, started-1)
	}
	if state == supervise.Sealed {
		return n + 1, true, nil
	}
	return n, false, nil
}

func epochNumbers(entries []os.DirEntry) []int {
	var numbers []int
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), epochPrefix)
		if n, err := strconv.Atoi(number); ok && err == nil { // a claim that was cut short has another name
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// attempt makes attempt n, or takes it up, and waits for its end.
func (r *replica) attempt(ctx context.Context, n int, fresh bool) result {
	epoch := supervise.Adopt(r.journal(n))
	if fresh {
		if r.life.stopping.Err() != nil {
			return stopResult(context.Cause(r.life.stopping), r.life.spec)
		}
		var failed *result
		if epoch, failed = r.start(ctx, n); failed != nil {
			return *failed
		}
	}
	r.running(epoch)
	ready := r.probe(ctx)
	defer ready()
	unwatch := context.AfterFunc(r.life.stopping, func() {
		if err := epoch.Stop(ctx); err != nil && ctx.Err() == nil {
			r.life.engine.Log.ErrorContext(ctx, "replica cannot be told to stop", "workload", r.life.key, "error", err)
		}
	})
	state, exit, err := epoch.Wait(ctx)
	unwatch()
	switch {
	case err != nil && ctx.Err() == nil:
		return failure(reasonLost, "how it ended cannot be read: %v", err)
	case state == supervise.Free, state == supervise.Sealed:
		return r.neverStarted(n)
	}
	return exitResult(state, exit, context.Cause(r.life.stopping), r.life.spec)
}

// start prepares the replica and launches attempt n. The supervisor is on
// its way while that goes on and while the workload is being stored.
func (r *replica) start(ctx context.Context, n int) (*supervise.Epoch, *result) {
	supervisor, err := supervise.Begin(r.life.engine.Supervisor)
	if err != nil {
		return nil, failed(reasonStart, err)
	}
	if r.prepared == nil {
		var failure *result
		if r.prepared, failure = r.prepare(ctx); failure != nil {
			supervisor.Dismiss()
			return nil, failure
		}
	}
	if !r.life.awaitKnown(ctx) {
		supervisor.Dismiss()
		stopped := stopResult(errDeleted, r.life.spec)
		return nil, &stopped
	}
	spec := *r.prepared
	spec.Journal = r.journal(n)
	epoch, err := supervisor.Launch(spec)
	if err != nil {
		return nil, failed(reasonStart, err)
	}
	return epoch, nil
}

// neverStarted gives up an attempt whose supervisor ended without starting it.
func (r *replica) neverStarted(n int) result {
	if _, err := supervise.Seal(r.journal(n)); err != nil {
		return failure(reasonStart, "%v", err)
	}
	return failure(reasonStart, "the supervisor could not write %s: is the disk full?", r.journal(n))
}

// running notes that the replica runs.
func (r *replica) running(epoch *supervise.Epoch) {
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
	r.life.setPID(r.position, epoch.PID)
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
	case <-r.life.stopping.Done():
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
	stage, workDir := r.template.GetStaging(), r.workDir()
	var missing []string
	if res.phase == gpuagentv1.Phase_PHASE_SUCCEEDED {
		var err error
		if missing, err = staging.After(ctx, stage, workDir, r.life.engine.Objects); err != nil {
			code := res.code
			start := res.start
			res = failure(reasonUpload, "%v", err)
			res.code, res.start = code, start
		}
	}
	files := staging.Return(stage, workDir, r.life.room())
	tail := ""
	if res.phase == gpuagentv1.Phase_PHASE_FAILED {
		tail = logfile.Tail(logPath(r.dir), tailLines, min(tailBytes, r.life.room()))
	}
	r.life.update(func(s *gpuagentv1.WorkloadStatus) {
		status := s.GetReplicas()[r.position]
		status.MissingUploads, status.Files, status.LogTail = missing, files, tail
		status.Phase, status.Ready, status.Pid, status.ExitCode = res.phase, false, 0, res.code
		status.Reason, status.Message = res.reason, res.message
		status.FinishTime = timestamp(res.finish)
	})
	return res
}
