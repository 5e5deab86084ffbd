package engine

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// A node that has joined has a term for as long as its record is in the store without a
// break: the head holds it for lost when the record goes, which it does with the lease it
// is on. What the head gives it to run bears the term that it had then (NodeTerm of a
// replica), and the node runs it in that term alone. So whatever a node that was lost still
// had in hand when it comes back, begun or not, it does not run beside what was started
// elsewhere since, and no clock plays a part in that.
//
// Clocks play one before: what runs has to end by itself before the lease does.
// docs/nodes.md has the sum.

// A node runs commands for so much of a lease, counted from when it asked for it: the rest
// is for a clock that is slower than the head's, and for the kill to be done.
const (
	leaseUsed  = 3
	leaseParts = 4
)

// fence is a lease as the supervisors of a node keep to it, in one of its terms.
func fence(term string, from, to boottime.Instant) supervise.Lease {
	return supervise.NewLease(term, from.Add(to.Sub(from)*leaseUsed/leaseParts), to)
}

// newTerm names a term.
func newTerm() string { return rand.Text() }

// sit gives a node that has joined its term and stores its record under a lease: the term
// that it had if its record was never gone, and otherwise another, in which nothing runs of
// what it ran before. It waits for a record to go that says another term than this node
// remembers, as after a start of the machine.
func (e *Engine) sit(ctx context.Context, lease store.Lease) error {
	if !e.Joined {
		return nil
	}
	for {
		held := supervise.ReadLease(e.leasePath()).Term
		stored, err := e.State.Nodes.Get(ctx, e.Node)
		gone := fault.Is(err, fault.NotFound)
		switch {
		case err != nil && !gone:
			return err
		case gone:
			held = newTerm()
			if err := e.lend(held, lease); err != nil { // before the head can give it anything to run
				return err
			}
			return e.seat(ctx, lease, held, 0)
		case held != "" && stored.Value.GetStatus().GetTerm() == held:
			return e.seat(ctx, lease, held, stored.Revision)
		}
		select {
		case <-time.After(retryEvery):
		case <-lease.Done():
			return nil // begins anew
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// seat stores the record of a node in a term, in the place of one of a revision or of none.
func (e *Engine) seat(ctx context.Context, lease store.Lease, term string, revision int64) error {
	e.mu.Lock()
	e.node.Status.Term = term
	e.mu.Unlock()
	op := e.State.Nodes.UpdateOp(e.Node, e.nodeNow(), revision)
	op.Lease = lease
	if _, err := e.State.Backend.Commit(ctx, op); err != nil {
		return err
	}
	e.seated.Do(func() { close(e.sitting) })
	return nil
}

// termNow is the term of this node; empty on the head.
func (e *Engine) termNow() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.node.GetStatus().GetTerm()
}

// lend lets what was given to the node in a term run on under a lease.
func (e *Engine) lend(term string, lease store.Lease) error {
	expiring, ok := lease.(store.Expiring)
	if !e.Joined || !ok { // of a store in this process
		return nil
	}
	dir := filepath.Dir(e.leasePath())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- whatever the umask is: containers of any user look into it
		return err
	}
	from, to := expiring.Held()
	return fence(term, from, to).Write(e.leasePath())
}

// lapse ends what runs under a lease of which the head says that it has ended.
func (e *Engine) lapse(ctx context.Context) {
	if !e.Joined {
		return
	}
	now := boottime.Now()
	if err := supervise.NewLease(e.termNow(), now, now).Write(e.leasePath()); err != nil {
		e.Log.ErrorContext(ctx, "what runs under the lease is not ended before it would end by itself", "error", err)
	}
}

// leasePath is the file by which supervisors and tethers know of the lease. Its directory
// has nothing else in it, because containers see all of that.
func (e *Engine) leasePath() string { return filepath.Join(e.DataDir, "held", "lease") }

// awaitSeat returns true once the node has a term.
func (e *Engine) awaitSeat(ctx context.Context) bool {
	select {
	case <-e.sitting:
		return true
	case <-ctx.Done():
		return false
	}
}

// lapsed reports whether the node must not run a replica any more, which another may by now.
func (r *replica) lapsed() bool {
	e := r.life.engine
	return e.Joined && supervise.ReadLease(e.leasePath()).Left(r.status.GetNodeTerm(), boottime.Now()) == 0
}

// holds reports whether the node may still act for a workload that was given to it.
func (e *Engine) holds(w *gpuagentv1.Workload) bool {
	if !e.Joined {
		return true
	}
	lease, now := supervise.ReadLease(e.leasePath()), boottime.Now()
	for _, r := range e.own(w) {
		if lease.Left(r.GetNodeTerm(), now) == 0 {
			return false
		}
	}
	return true
}

// errLapsed is the end of a replica that was not started because of that.
func errLapsed() result {
	return failure(runtime.ReasonNodeLost, "not started, because its node had not been heard of since it was told to")
}

// tenures are the terms of the nodes that have joined, on the head: as it has last heard, and
// in the same order as that they were lost.
type tenures map[string]string

// hear notes the term of a node, and reports whether that is another than before.
func (t tenures) hear(node *gpuagentv1.Node) (changed bool) {
	name, term := node.GetMetadata().GetName(), node.GetStatus().GetTerm()
	before, known := t[name]
	t[name] = term
	return known && before != term
}

// gone reports whether a replica was given to its node in a term that is over.
func (t tenures) gone(r *gpuagentv1.ReplicaStatus) bool {
	term, known := t[r.GetNode()]
	return !known || r.GetNodeTerm() != "" && r.GetNodeTerm() != term
}
