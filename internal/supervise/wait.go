package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// ErrUnclaimed is the error of an epoch whose supervisor could not begin its
// journal, and so started nothing.
var ErrUnclaimed = errors.New("the journal of an attempt cannot be begun")

// Epoch is the agent's side of one epoch: launched here, or found on disk. Wait
// may be called by one goroutine at a time; the others are safe for concurrent use.
type Epoch struct {
	journal string // its path

	// Of an epoch that was launched here:
	pool    *Pool
	spec    Spec
	reports <-chan report // the supervisor's one report; belongs to Wait
	over    chan struct{} // closed once Wait knows how it ended
	ended   func()        // closes over, once
}

// launchTries is how many supervisors are told of one epoch, should one after
// the other go before it has begun.
const launchTries = 3

// How often it is looked for what nothing tells of: at first, and in the end.
const (
	lookSoon = time.Millisecond
	lookLate = time.Second
)

func (p *Pool) epoch(spec Spec, reports <-chan report) *Epoch {
	over := make(chan struct{})
	return &Epoch{
		journal: spec.Journal, pool: p, spec: spec, reports: reports,
		over: over, ended: sync.OnceFunc(func() { close(over) }),
	}
}

// Adopt returns the epoch of a journal, which some earlier agent launched.
func Adopt(path string) *Epoch { return &Epoch{journal: path} }

// Wait returns once the epoch is over: with the Exit and Done, with Lost, or with
// Sealed or Free when no supervisor ever had the epoch; ErrUnclaimed may say why.
// What a lost supervisor left running has been killed by then. When ctx ends
// first, Wait returns its error and the command runs on.
func (e *Epoch) Wait(ctx context.Context) (State, Exit, error) {
	for try := 1; ; try++ {
		state, exit, err := e.wait(ctx)
		if err != nil || state != Free || e.pool == nil || try == launchTries {
			if e.pool != nil && ctx.Err() == nil {
				e.ended()
			}
			return state, exit, err
		}
		if e.reports, err = e.pool.launch(e.spec); err != nil { // it went before it heard of it
			return Free, Exit{}, err
		}
	}
}

func (e *Epoch) wait(ctx context.Context) (State, Exit, error) {
	if e.pool != nil {
		select {
		case r := <-e.reports: // nothing when the supervisor is gone
			if r.Exit != nil {
				return Done, *r.Exit, nil // the journal has it too
			}
			if r.Problem != "" {
				return Free, Exit{}, fmt.Errorf("%w: %s", ErrUnclaimed, r.Problem)
			}
		case <-ctx.Done():
			return Running, Exit{}, ctx.Err()
		}
	}
	r, err := awaitLetGo(ctx, e.journal)
	if err != nil {
		return Running, Exit{}, err
	}
	state, exit := r.state()
	if state == Lost && r.Owner.BootID == boottime.ID() {
		killEpoch(e.journal, r)
	}
	return state, exit, nil
}

// awaitLetGo returns what a journal says once nobody holds it any more. It waits
// for the command to end, and looks now and then besides: a supervisor that was
// killed leaves a command running that has taken another user's rights.
func awaitLetGo(ctx context.Context, path string) (record, error) {
	for pause := lookSoon; ; pause = min(2*pause, lookLate) {
		r, held, err := readJournal(path)
		if err != nil || !held {
			return r, err
		}
		if awaitExit(ctx, r.PID) {
			pause = lookSoon // its end is about to be written
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return record{}, ctx.Err()
		}
	}
}

// awaitExit parks the goroutine until a process has ended, for lookLate at most,
// and reports whether it had to.
func awaitExit(ctx context.Context, pid int) bool {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil { // it has ended, or the kernel has no pidfds
		return false
	}
	process := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = process.Close() }()
	conn, err := process.SyscallConn()
	if err != nil || process.SetReadDeadline(time.Now().Add(lookLate)) != nil {
		return false
	}
	cancel := context.AfterFunc(ctx, func() { _ = process.SetReadDeadline(time.Unix(1, 0)) })
	defer cancel()
	looks := 0
	_ = conn.Read(func(fd uintptr) bool { // its error is that of the deadline
		looks++
		n, err := unix.Poll([]unix.PollFd{pollIn(int(fd))}, 0)
		return err == nil && n > 0
	})
	return looks > 1
}

// PID returns the process id of the command, 0 while there is none.
func (e *Epoch) PID() int {
	r, _, err := readJournal(e.journal)
	if err != nil {
		return 0
	}
	return r.PID
}
