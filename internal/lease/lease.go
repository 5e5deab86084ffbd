// Package lease elects one leader among the replicas of a service.
//
// The leader is whoever created the election's key, which lives on a store
// lease: when the leader dies or is cut off, the key goes and the next
// candidate creates it anew. The revision of that creation is the fencing
// token. A leader adds Fence.Op to its commits, so that a write it sends after
// it lost the lead without knowing fails with fault.Conflict.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

const prefix = "/kfmesh/leases/"

// retryWait is the pause after the store failed a candidate.
const retryWait = time.Second

// Election is what candidates run for.
type Election struct {
	Backend store.Backend
	Name    string        // such as "pipeline"
	Holder  string        // who this candidate is, for people
	TTL     time.Duration // after which a silent leader is replaced
	Log     *slog.Logger
}

// Fence proves leadership to the store.
type Fence struct {
	key      string
	revision int64
}

// FenceOf returns the fence of a leadership that somebody else holds or held, for
// a service that writes on a leader's behalf.
func FenceOf(election string, token int64) Fence {
	return Fence{key: prefix + election, revision: token}
}

// Op makes the commit it is part of fail with fault.Conflict unless this
// leadership still stands.
func (f Fence) Op() store.Op { return store.Op{Key: f.key, Check: true, Expect: f.revision} }

// Token grows with every leadership of the election.
func (f Fence) Token() int64 { return f.revision }

// Lead campaigns until ctx ends and calls lead whenever this candidate leads.
// The context given to lead ends when the lead is lost; lead must then return
// soon. When lead returns by itself, its error is Lead's. Lead returns nil once
// ctx has ended and lead has returned.
func (e *Election) Lead(ctx context.Context, lead func(context.Context, Fence) error) error {
	for ctx.Err() == nil {
		ended, err := e.term(ctx, lead)
		if ended {
			return err
		}
		if err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "leader election failed; trying again", "election", e.Name, "error", err)
			wait(ctx, retryWait)
		}
	}
	return nil
}

// term is one candidacy: it waits for the lead, leads, and says whether lead
// returned by itself. The lease outlives ctx until lead has returned, so that
// the next leader does not begin before this one has ended.
func (e *Election) term(ctx context.Context, lead func(context.Context, Fence) error) (ended bool, err error) {
	grant, err := e.Backend.Grant(context.WithoutCancel(ctx), e.TTL)
	if err != nil {
		return false, fmt.Errorf("take lease: %w", err)
	}
	defer e.giveBack(ctx, grant)
	fence, err := e.win(ctx, grant)
	if err != nil {
		return false, err
	}
	e.Log.InfoContext(ctx, "leading", "election", e.Name, "token", fence.Token())
	termCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-grant.Done():
		case <-termCtx.Done():
		}
	}()
	err = lead(termCtx, fence)
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return true, nil
	case termCtx.Err() != nil && ctx.Err() == nil:
		e.Log.WarnContext(ctx, "lost the lead", "election", e.Name)
		return false, nil
	default:
		return true, err
	}
}

// giveBack ends the lease, so that the next leader need not wait for its TTL.
func (e *Election) giveBack(ctx context.Context, grant store.Lease) {
	revokeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryWait)
	defer cancel()
	if err := grant.Revoke(revokeCtx); err != nil {
		e.Log.WarnContext(ctx, "lease was not given back; it runs out by itself", "election", e.Name, "error", err)
	}
}

// win waits until the election's key can be created on the lease.
func (e *Election) win(ctx context.Context, grant store.Lease) (Fence, error) {
	key := prefix + e.Name
	for {
		_, seen, err := e.Backend.List(ctx, key)
		if err != nil {
			return Fence{}, err
		}
		revision, err := e.Backend.Commit(ctx, store.Op{Key: key, Value: []byte(e.Holder), Lease: grant})
		if err == nil {
			return Fence{key: key, revision: revision}, nil
		}
		if !fault.Is(err, fault.AlreadyExists) {
			return Fence{}, err
		}
		if err := e.waitGone(ctx, key, seen, grant); err != nil {
			return Fence{}, err
		}
	}
}

// waitGone returns nil once the key was deleted after the revision.
func (e *Election) waitGone(ctx context.Context, key string, after int64, grant store.Lease) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := e.Backend.Watch(ctx, key, after)
	if err != nil {
		return err
	}
	for {
		select {
		case batch, ok := <-changes:
			if !ok {
				return ctx.Err() // the watch was lost: look again
			}
			for _, c := range batch {
				if c.Key == key && c.Deleted {
					return nil
				}
			}
		case <-grant.Done():
			return fault.Unavailablef("the candidate's lease ran out")
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
