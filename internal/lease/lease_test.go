package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/lease"
	"github.com/kfmesh/kfmesh/internal/store"
)

func election(b store.Backend, holder string) *lease.Election {
	return &lease.Election{Backend: b, Name: "test", Holder: holder, TTL: 10 * time.Second, Log: slog.New(slog.DiscardHandler)}
}

// candidate runs for election and tells when it leads.
type candidate struct {
	leads  chan lease.Fence
	resign context.CancelFunc
	done   chan error
}

func run(t *testing.T, b store.Backend, holder string) candidate {
	ctx, cancel := context.WithCancel(t.Context())
	c := candidate{leads: make(chan lease.Fence), resign: cancel, done: make(chan error, 1)}
	go func() {
		c.done <- election(b, holder).Lead(ctx, func(ctx context.Context, f lease.Fence) error {
			c.leads <- f
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	return c
}

func TestOneLeadsAndTheNextFollowsWithAHigherToken(t *testing.T) {
	defer goleak.VerifyNone(t)
	b := store.NewMemory()
	first := run(t, b, "a")
	old := <-first.leads
	second := run(t, b, "b")
	select {
	case <-second.leads:
		t.Fatal("two leaders at once")
	case <-time.After(50 * time.Millisecond):
	}
	first.resign()
	current := <-second.leads
	if current.Token() <= old.Token() {
		t.Errorf("token %d does not exceed %d", current.Token(), old.Token())
	}
	write := store.Op{Key: "/x", Value: []byte("1"), Expect: store.AnyRevision}
	if _, err := b.Commit(t.Context(), old.Op(), write); !fault.Is(err, fault.Conflict) {
		t.Errorf("a fenced-off leader's write gave %v, want a conflict", err)
	}
	if _, err := b.Commit(t.Context(), current.Op(), write); err != nil {
		t.Errorf("the leader's write failed: %v", err)
	}
	second.resign()
	for _, c := range []candidate{first, second} {
		if err := <-c.done; err != nil {
			t.Error(err)
		}
	}
}

func TestTheLeadersOwnErrorEndsTheElection(t *testing.T) {
	boom := errors.New("boom")
	err := election(store.NewMemory(), "a").Lead(t.Context(), func(context.Context, lease.Fence) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
}

func TestTheNextLeaderWaitsForTheEndOfTheLast(t *testing.T) {
	b := store.NewMemory()
	ctx, resign := context.WithCancel(t.Context())
	leading, finish := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- election(b, "a").Lead(ctx, func(ctx context.Context, _ lease.Fence) error {
			close(leading)
			<-finish // however late that is after ctx
			return ctx.Err()
		})
	}()
	<-leading
	second := run(t, b, "b")
	resign()
	select {
	case <-second.leads:
		t.Error("the second leads while the first is still at work")
	case <-time.After(50 * time.Millisecond):
		close(finish)
		<-second.leads
	}
	second.resign()
	for _, done := range []chan error{first, second.done} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestALostLeaseEndsTheLead(t *testing.T) {
	b := store.NewMemory()
	granted := &granting{Memory: b, leases: make(chan store.Lease, 10)}
	c := run(t, granted, "a")
	old := <-c.leads
	if err := (<-granted.leases).Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := <-c.leads; again.Token() <= old.Token() {
		t.Errorf("leads again with token %d, not above %d", again.Token(), old.Token())
	}
	c.resign()
	if err := <-c.done; err != nil {
		t.Error(err)
	}
}

// granting is a store that tells of the leases it grants.
type granting struct {
	*store.Memory
	leases chan store.Lease
}

func (g *granting) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	l, err := g.Memory.Grant(ctx, ttl)
	if err == nil {
		g.leases <- l
	}
	return l, err
}
