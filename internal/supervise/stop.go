package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Stop has the command stopped: SIGTERM, then SIGKILL after the grace period. The
// wish is written into the journal, so it need not be repeated by whoever takes
// up the epoch. Stop waits until the epoch is begun, and is a no-op when it is over.
func (e *Epoch) Stop(ctx context.Context) error {
	tick := time.NewTicker(lookSoon)
	defer tick.Stop()
	for {
		r, held, err := readJournal(e.journal)
		switch {
		case err != nil:
			return err
		case held && r.Owner != nil:
			return e.demand(*r.Owner)
		case !held && (r.Owner != nil || e.pool == nil):
			return nil
		}
		select { // it is on its way
		case <-tick.C:
		case <-e.over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// demand writes the wish down and wakes the supervisor.
func (e *Epoch) demand(of owner) error {
	if err := e.wish(); err != nil {
		return fmt.Errorf("ask for a stop: %w", err)
	}
	supervisor, err := os.FindProcess(of.PID) // holds on to the process, not to its number
	if err != nil {
		return err
	}
	defer func() { _ = supervisor.Release() }()
	if _, held, err := readJournal(e.journal); err != nil || !held { // else it is not a later process
		return err
	}
	if err := supervisor.Signal(sigLook); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("wake the supervisor: %w", err)
	}
	return nil
}

func (e *Epoch) wish() error {
	j, err := openJournal(e.journal, unix.O_WRONLY|unix.O_APPEND)
	if err != nil {
		return err
	}
	return errors.Join(j.append(record{Stop: true}), j.close())
}
