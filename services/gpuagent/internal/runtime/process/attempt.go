package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// reasonLost is that of an attempt whose supervisor is gone.
const reasonLost = "SupervisorLost"

// attempt is one epoch of a supervisor.
type attempt struct {
	journal string
	epoch   *supervise.Epoch
}

// Stop implements runtime.Attempt.
func (a *attempt) Stop(ctx context.Context) error { return a.epoch.Stop(ctx) }

// PID implements runtime.Attempt.
func (a *attempt) PID() int { return a.epoch.PID() }

// Wait implements runtime.Attempt.
func (a *attempt) Wait(ctx context.Context) (runtime.Exit, error) {
	state, exit, err := a.epoch.Wait(ctx)
	switch {
	case ctx.Err() != nil:
		return runtime.Exit{}, ctx.Err()
	case errors.Is(err, supervise.ErrUnclaimed):
		return a.neverStarted(err), nil
	case err != nil:
		return lost("how it ended cannot be read: %v", err), nil
	case state == supervise.Free, state == supervise.Sealed:
		return a.neverStarted(errNoSupervisor), nil
	case state == supervise.Lost:
		return lost("the process that watched over it is gone, killed or with the machine, so how it ended is not known"), nil
	}
	return a.judged(a.explained(exitOf(exit))), nil
}

func exitOf(e supervise.Exit) runtime.Exit {
	exit := runtime.Exit{Code: e.Code, Signal: e.Signal, Start: e.Start, Finish: e.Finish}
	switch e.Cause {
	case supervise.Stopped:
		exit.Cause = runtime.Stopped
	case supervise.Deadline:
		exit.Cause = runtime.Deadline
	case supervise.Fenced:
		exit.Cause, exit.Reason, exit.Message = runtime.Failed, runtime.ReasonNodeLost, runtime.MessageFenced
	case supervise.OutOfMemory:
		return outOfMemory(exit, e.Memory)
	case supervise.Unstarted:
		exit.Cause, exit.Reason, exit.Message = runtime.Failed, runtime.ReasonStart, e.Message
	}
	return exit
}

func lost(format string, args ...any) runtime.Exit {
	return runtime.Exit{Cause: runtime.Lost, Reason: reasonLost, Message: fmt.Sprintf(format, args...), Finish: time.Now()}
}

// errNoSupervisor is why an attempt was not started that no supervisor took.
var errNoSupervisor = errors.New("the supervisors that were to start it were killed before they could")

// neverStarted gives up an attempt that was not started.
func (a *attempt) neverStarted(why error) runtime.Exit {
	if _, err := supervise.Seal(a.journal); err != nil {
		why = err
	}
	return runtime.Exit{Cause: runtime.Failed, Reason: runtime.ReasonStart, Message: why.Error(), Finish: time.Now()}
}
