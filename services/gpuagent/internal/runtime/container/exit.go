package container

import (
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// exitOf is how a container ended, from what the engine says and what its journal
// says of a stop. Both tell the time by the node's clock.
func exitOf(c container.InspectResponse, rec record) runtime.Exit {
	exit := runtime.Exit{Code: c.State.ExitCode, Start: moment(c.State.StartedAt), Finish: moment(c.State.FinishedAt)}
	if exit.Finish.IsZero() {
		exit.Finish = time.Now()
	}
	switch {
	case rec.Stopped != nil && !exit.Finish.Before(*rec.Stopped):
		exit.Cause = runtime.Stopped
		if d := rec.Claim.Deadline; !d.IsZero() && !rec.Stopped.Before(d) {
			exit.Cause = runtime.Deadline
		}
	case c.State.OOMKilled && exit.Code != 0:
		exit.Cause, exit.Reason = runtime.Failed, runtime.ReasonOutOfMemory
		exit.Message = "killed because the node ran out of memory"
		if c.HostConfig != nil && c.HostConfig.Memory > 0 {
			exit.Message = fmt.Sprintf("killed because it used more memory than its limit of %d MiB", c.HostConfig.Memory>>20)
		}
	}
	return exit
}

// moment reads a time as engines write it; those of what has not happened are zero.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}

// Exit statuses of what could not be started, as shells have them.
const (
	codeNotExecutable = 126
)

// notStarted is the end of a container that the engine refused to start.
func notStarted(err error) runtime.Exit {
	return runtime.Exit{
		Code: codeNotExecutable, Cause: runtime.Failed, Reason: runtime.ReasonStart, Message: err.Error(), Finish: time.Now(),
	}
}

func lost(format string, args ...any) runtime.Exit {
	return runtime.Exit{Cause: runtime.Lost, Reason: reasonLost, Message: fmt.Sprintf(format, args...), Finish: time.Now()}
}

// refusal reports whether an error is the engine's answer, rather than the want of one.
func refusal(err error) bool {
	return cerrdefs.IsInvalidArgument(err) || cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) ||
		cerrdefs.IsPermissionDenied(err) || cerrdefs.IsUnauthorized(err) || cerrdefs.IsNotImplemented(err) ||
		cerrdefs.IsInternal(err)
}
