package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// attempt is a try at a leaf that the runner has been asked for.
type attempt struct {
	dag.Launch
	name     string // of its workload
	request  launch.Request
	stage    stage
	stopping bool                 // it is to be stopped
	early    *gpuagentv1.Workload // what was heard of it while it was being launched
	deleted  bool                 // whether that was its deletion
	phase    gpuagentv1.Phase     // as last heard
	message  string               // as last heard
	cacheKey string               // under which its outputs are to be kept; empty for none
	warnings []string             // what it asks for that no runtime can give
	heard    int                  // warnings of its workload that were heard of
	due      time.Time            // when it may start
	sent     time.Time            // when the call that starts it began
}

// stage is how far the engine has come with an attempt.
type stage int

const (
	toLaunch  stage = iota // waits for its time, or for room
	launching              // the call that starts it is under way
	following              // its workload exists, as far as is known
	reading                // its workload ended; what it left is being read
)

// workloadName derives the name of an attempt's workload: alike whenever asked.
func workloadName(runID string, a dag.Attempt) string {
	const idLength = 13 // of a uuid: 48 bits tell the tasks of one run apart
	return fmt.Sprintf("%s-%s-%d", runID, a.TaskID[:min(idLength, len(a.TaskID))], a.Number)
}

// attemptOf reads which attempt a workload is.
func attemptOf(w *gpuagentv1.Workload) dag.Attempt {
	labels := w.GetMetadata().GetLabels()
	number, err := strconv.Atoi(labels[labelAttempt])
	if err != nil {
		return dag.Attempt{} // of no task
	}
	return dag.Attempt{TaskID: labels[labelTask], Number: number}
}

// progressOf reads news of a workload that has not ended.
func (a *attempt) progressOf(w *gpuagentv1.Workload) dag.Progress {
	s := w.GetStatus()
	return dag.Progress{
		Running:  s.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING,
		Started:  timeOf(s.GetStartTime()),
		Message:  s.GetMessage(),
		Workload: w.GetMetadata().GetName(),
		Warnings: slices.Concat(a.warnings, s.GetWarnings()),
	}
}

// resultOf reads how a workload ended, all but the outputs of a success.
func resultOf(w *gpuagentv1.Workload) dag.Result {
	s := w.GetStatus()
	result := dag.Result{
		Verdict:  dag.Failed,
		Started:  timeOf(s.GetStartTime()),
		Ended:    timeOf(s.GetFinishTime()),
		Workload: w.GetMetadata().GetName(),
		Warnings: s.GetWarnings(),
	}
	var replica *gpuagentv1.ReplicaStatus
	if len(s.GetReplicas()) > 0 {
		replica = s.GetReplicas()[0]
	}
	result.ExitCode = replica.GetExitCode()
	switch s.GetPhase() {
	case gpuagentv1.Phase_PHASE_SUCCEEDED:
		result.Verdict = dag.Succeeded
	case gpuagentv1.Phase_PHASE_STOPPED:
		result.Verdict = dag.Stopped
		result.Message = cmp.Or(s.GetMessage(), "its workload was stopped")
	default:
		result.Message = failureOf(s, replica)
		result.LogTail = replica.GetLogTail()
	}
	return result
}

// failureOf says in a sentence how a workload failed.
func failureOf(s *gpuagentv1.WorkloadStatus, replica *gpuagentv1.ReplicaStatus) string {
	const nonZeroExit = "NonZeroExit"
	if message := cmp.Or(replica.GetMessage(), s.GetMessage()); message != "" {
		return message
	}
	if reason := cmp.Or(replica.GetReason(), s.GetReason()); reason != "" && reason != nonZeroExit {
		return reason
	}
	return fmt.Sprintf("exit status %d", replica.GetExitCode())
}

func ended(p gpuagentv1.Phase) bool {
	switch p {
	case gpuagentv1.Phase_PHASE_SUCCEEDED, gpuagentv1.Phase_PHASE_FAILED, gpuagentv1.Phase_PHASE_STOPPED:
		return true
	}
	return false
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// sentence is what an error says, without what is said for requests only.
func sentence(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid || len(f.Violations) == 0 {
		return err.Error()
	}
	var reasons []string
	for _, v := range f.Violations {
		reasons = append(reasons, v.Reason)
	}
	return strings.Join(reasons, "; ")
}
