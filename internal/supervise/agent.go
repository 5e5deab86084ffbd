package supervise

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// Epoch is the agent's side of one epoch: started here, or found on disk.
type Epoch struct {
	journal string
	child   *os.Process   // the supervisor; nil when adopted
	report  chan *Exit    // receives what the child says at its end, once; nil, so never, when adopted
	reaped  chan struct{} // closed once the child is gone; nil, so never, when adopted
}

// hearingPoll is how often Stop looks whether a new supervisor listens by now.
const hearingPoll = 2 * time.Millisecond

// Adopt returns the epoch of a journal, which some earlier agent started.
func Adopt(journal string) *Epoch { return &Epoch{journal: journal} }

// Wait returns once the epoch is over: with the Exit and Done, with Lost, or with
// Sealed or Free when the supervisor never had the epoch. What a lost supervisor
// left running has been killed by then. When ctx ends first, Wait returns its
// error and the command runs on.
func (e *Epoch) Wait(ctx context.Context) (State, Exit, error) {
	if e.child != nil {
		select {
		case exit := <-e.report:
			if exit != nil {
				return Done, *exit, nil // the journal has it too
			}
		case <-ctx.Done():
			return Running, Exit{}, ctx.Err()
		}
	}
	if err := e.waitGone(ctx); err != nil {
		return Running, Exit{}, err
	}
	state, exit, err := Inspect(e.journal)
	if err == nil && state == Lost {
		err = e.killRest()
	}
	return state, exit, err
}

func (e *Epoch) waitGone(ctx context.Context) error {
	if e.child != nil {
		select {
		case <-e.reaped:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return awaitOwner(ctx, e.journal) // of a child too: another supervisor may have been faster
}

// Stop asks the supervisor to stop the command: SIGTERM, then SIGKILL after the
// grace period. It waits until the supervisor can hear it, and is a no-op when
// the supervisor is gone.
func (e *Epoch) Stop(ctx context.Context) error {
	tick := time.NewTicker(hearingPoll)
	defer tick.Stop()
	for {
		state, _, err := Inspect(e.journal)
		switch {
		case err != nil:
			return err
		case state == Free && e.child != nil: // on its way
		case state != Running:
			return nil
		case e.PID() != 0:
			return e.signal()
		}
		select {
		case <-tick.C:
		case <-e.reaped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signal sends SIGTERM to the epoch's supervisor.
func (e *Epoch) signal() error {
	o, err := ownerOf(e.journal)
	if err != nil {
		return err
	}
	p, err := os.FindProcess(o.PID) // holds on to the process, not to its number
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	alive, err := locked(e.journal) // so p is the supervisor and not a later process
	if err != nil || !alive {
		return err
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// PID returns the process id of the command, 0 while there is none.
func (e *Epoch) PID() int {
	r, err := readJournal(e.journal)
	if err != nil {
		return 0
	}
	return r.PID
}

// killRest ends what a lost supervisor left running.
func (e *Epoch) killRest() error {
	o, err := ownerOf(e.journal)
	if err != nil {
		return err
	}
	if o.BootID == bootID() {
		killSession(o.PID)
	}
	return nil
}
