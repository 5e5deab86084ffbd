package remote_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// patience is how long a test waits for what should come soon.
const patience = 30 * time.Second

// listen opens an address, which a server that stopped a moment ago may still hold.
func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	for begun := time.Now(); ; {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err == nil {
			return listener
		}
		if time.Since(begun) > patience {
			t.Fatal(err)
		}
	}
}

// watched is a store that notes when leases were renewed and when they ended.
type watched struct {
	*store.Memory
	renewed chan time.Time
}

func (w watched) Renew(ctx context.Context, id int64) (time.Duration, error) {
	lives, err := w.Memory.Renew(ctx, id)
	if err == nil {
		select {
		case w.renewed <- time.Now():
		default:
		}
	}
	return lives, err
}

func grant(t *testing.T, b store.Backend, ttl time.Duration) store.Expiring {
	t.Helper()
	lease, err := b.Grant(t.Context(), ttl)
	if err != nil {
		t.Fatal(err)
	}
	expiring, ok := lease.(store.Expiring)
	if !ok {
		t.Fatal("the lease does not say when it expires")
	}
	return expiring
}

func deadline(lease store.Expiring) boottime.Instant {
	_, at := lease.Held()
	return at
}

func TestALeaseIsRenewedAndItsDeadlineMovesOn(t *testing.T) {
	t.Parallel()
	w := watched{Memory: store.NewMemory(), renewed: make(chan time.Time, 1)}
	address, _ := serve(t, w, "127.0.0.1:0")
	begun := boottime.Now()
	lease := grant(t, connect(t, address, "a"), 6*time.Second)
	_, first := lease.Held()
	if d := first.Sub(begun); d < 0 || first > boottime.Now().Add(6*time.Second) {
		t.Errorf("the deadline is %s after the grant was asked for", d)
	}
	select {
	case <-w.renewed:
	case <-time.After(patience):
		t.Fatal("the lease was not renewed")
	}
	for begun := time.Now(); deadline(lease) <= first; {
		if time.Since(begun) > patience {
			t.Fatal("the deadline stays where it was")
		}
	}
}

func TestTheHolderKnowsBeforeTheStore(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	address, stop := serve(t, memory, "127.0.0.1:0")
	b, ctx := connect(t, address, "a"), t.Context()
	lease := grant(t, b, 2*time.Second)
	revision, err := b.Commit(ctx, store.Op{Key: "/test/a", Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := memory.Watch(ctx, "/test/a", revision)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	select {
	case <-lease.Done():
	case <-gone:
		select {
		case <-lease.Done(): // both had come before this test was let look
		default:
			t.Error("the store dropped the key before its holder knew")
		}
	}
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the key stays for ever")
	}
}

func TestALeaseOutlivesItsServer(t *testing.T) {
	t.Parallel()
	w := watched{Memory: store.NewMemory(), renewed: make(chan time.Time)}
	address, stop := serve(t, w, "127.0.0.1:0")
	b, ctx := connect(t, address, "a"), t.Context()
	lease := grant(t, b, 20*time.Second)
	if _, err := b.Commit(ctx, store.Op{Key: "/test/a", Lease: lease}); err != nil {
		t.Fatal(err)
	}
	stop()
	_, stopAgain := serve(t, w, address)
	defer stopAgain()
	select {
	case <-w.renewed:
	case <-lease.Done():
		t.Fatal("the lease ended with its server")
	case <-time.After(patience):
		t.Fatal("the lease is not renewed at the new server")
	}
	if _, err := w.Get(ctx, "/test/a"); err != nil {
		t.Error(err)
	}
}

// TestALeaseOutlivesItsContext: an agent that is stopped leaves what it runs behind,
// which may run until the deadline.
func TestALeaseOutlivesItsContext(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	address, _ := serve(t, memory, "127.0.0.1:0")
	b := connect(t, address, "a")
	ctx, end := context.WithCancel(t.Context())
	lease, err := b.Grant(ctx, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(ctx, store.Op{Key: "/test/a", Lease: lease}); err != nil {
		t.Fatal(err)
	}
	end()
	<-lease.Done()
	if _, err := b.Commit(t.Context(), store.Op{Key: "/inbox/a", Lease: lease}); err != nil {
		t.Errorf("the store dropped it: %v", err)
	}
	if _, err := memory.Get(t.Context(), "/test/a"); err != nil {
		t.Error(err)
	}
}

func TestLeasesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, store.NewMemory(), "127.0.0.1:0")
	lease := grant(t, connect(t, address, "a"), time.Hour)
	other, ctx := connect(t, address, "b"), t.Context()
	if _, err := other.Commit(ctx, store.Op{Key: "/test/a", Lease: lease}); !fault.Is(err, fault.Denied) {
		t.Errorf("commit under another's lease: %v", err)
	}
	if _, err := connect(t, address, "a").Commit(ctx, store.Op{Key: "/test/a", Lease: lease}); err != nil {
		t.Errorf("commit under one's own lease: %v", err)
	}
	if err := lease.Revoke(ctx); err != nil {
		t.Error(err)
	}
	if err := lease.Revoke(ctx); err != nil {
		t.Errorf("again: %v", err)
	}
}
