package engine

import (
	"context"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
)

// trackWithin bounds how long a job waits for its tracked run: it does without rather than
// begin late.
const trackWithin = 2 * time.Second

// track sees to it that a job has a tracked run, under an id that follows from its own, and
// reports whether it has.
func (e *Engine) track(ctx context.Context, job *trainingv1.TrainingJob) bool {
	if e.deps.Tracking == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, trackWithin)
	defer cancel()
	m := job.GetMetadata()
	_, err := e.deps.Tracking.CreateTrackingRun(ctx, &metadatav1.CreateTrackingRunRequest{
		Namespace: m.GetNamespace(), RunId: trackid.Run(m.GetUid()), RunName: m.GetName(), StartTime: time.Now().UnixMilli(),
		Tags: []*metadatav1.Tag{{Key: "kfmesh.job", Value: job.GetKind() + "/" + m.GetName()}},
	})
	if err != nil && !fault.Is(err, fault.AlreadyExists) {
		e.deps.Log.WarnContext(ctx, "a job has no tracked run", "job", m.GetName(), "error", err)
		return false
	}
	return true
}

// closeTrack tells the tracked run of a job how that ended. It may be repeated. Where it cannot
// be told it stays as the job's own clients have left it.
func (e *Engine) closeTrack(ctx context.Context, job *trainingv1.TrainingJob, status *trainingv1.TrainingJobStatus) {
	if e.deps.Tracking == nil || status.GetAttempt() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, trackWithin)
	defer cancel()
	end, state := status.GetCompletionTime().AsTime().UnixMilli(), metadatav1.TrackingRunInfo_STATUS_FINISHED
	if lifecycle.Is(status, lifecycle.Failed) {
		state = metadatav1.TrackingRunInfo_STATUS_FAILED
	}
	_, err := e.deps.Tracking.UpdateTrackingRun(ctx, &metadatav1.UpdateTrackingRunRequest{
		Namespace: job.GetMetadata().GetNamespace(), RunId: trackid.Run(job.GetMetadata().GetUid()), Status: state, EndTime: &end,
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		e.deps.Log.WarnContext(ctx, "a tracked run is not told of the end of its job", "job", job.GetMetadata().GetName(), "error", err)
	}
}
