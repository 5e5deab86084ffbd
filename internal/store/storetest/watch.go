package storetest

import (
	"context"
	"strconv"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func watchFromThePast(s *suite) {
	before := s.commit(s.put("before", "1", 0))
	created := s.commit(s.put("a", "1", 0))
	updated := s.commit(s.put("a", "2", created))
	deleted := s.commit(store.Op{Key: s.key("a"), Delete: true, Expect: updated})
	changes, err := s.Watch(s.ctx, s.prefix, before)
	if err != nil {
		s.Fatalf("watch: %v", err)
	}
	got := s.collect(changes, 3)
	for i, want := range []store.Change{
		{Entry: store.Entry{Key: s.key("a"), Value: []byte("1"), Revision: created, CreateRevision: created}},
		{Entry: store.Entry{Key: s.key("a"), Value: []byte("2"), Revision: updated, CreateRevision: created}},
		{Entry: store.Entry{Key: s.key("a"), Revision: deleted}, Deleted: true},
	} {
		g := got[i]
		if g.Key != want.Key || string(g.Value) != string(want.Value) || g.Revision != want.Revision ||
			g.CreateRevision != want.CreateRevision || g.Deleted != want.Deleted {
			s.Errorf("change %d: got %+v, want %+v", i, g, want)
		}
	}
	for i, prev := range []string{"", "1", "2"} {
		if p := got[i].Prev; p != nil && string(p) != prev {
			s.Errorf("change %d: previous value %q, want %q", i, p, prev)
		}
	}
}

func watchNow(s *suite) {
	rev := s.commit(s.put("a", "1", 0))
	watchCtx, stop := context.WithCancel(s.ctx)
	defer stop()
	changes, err := s.Watch(watchCtx, s.key("w/"), rev)
	if err != nil {
		s.Fatalf("watch: %v", err)
	}
	s.commit(s.put("a", "2", rev)) // not under the watched prefix
	both := s.commit(s.put("w/1", "1", 0), s.put("w/2", "2", 0))
	batch := s.next(changes)
	if len(batch) != 2 || batch[0].Revision != both || batch[1].Revision != both {
		s.Errorf("got %v, want both changes of commit %d in one batch", batch, both)
	}
}

func watchEndsWithContext(s *suite) {
	watchCtx, stop := context.WithCancel(s.ctx)
	changes, err := s.Watch(watchCtx, s.prefix, s.commit(s.put("a", "1", 0)))
	if err != nil {
		s.Fatalf("watch: %v", err)
	}
	stop()
	select {
	case batch, open := <-changes:
		if open {
			s.Errorf("got %v, want the end of the watch", batch)
		}
	case <-time.After(patience):
		s.Error("the watch goes on without its context")
	}
}

func watchKeepsOrder(s *suite) {
	const n = 200
	changes, err := s.Watch(s.ctx, s.prefix, s.commit(s.put("start", "", 0)))
	if err != nil {
		s.Fatalf("watch: %v", err)
	}
	for i := range n {
		s.commit(s.put("a", strconv.Itoa(i), store.AnyRevision))
	}
	last := int64(0)
	for i, c := range s.collect(changes, n) {
		if string(c.Value) != strconv.Itoa(i) || c.Revision <= last {
			s.Fatalf("change %d is %q at %d, after %d", i, c.Value, c.Revision, last)
		}
		last = c.Revision
	}
}

func leaseRevoked(s *suite) {
	lease := s.grant(s.ctx)
	other := s.grant(s.ctx)
	if lease.ID() == other.ID() {
		s.Errorf("two leases have the id %x", lease.ID())
	}
	s.commit(store.Op{Key: s.key("a"), Value: []byte("1"), Lease: lease}, s.put("free", "1", 0))
	s.commit(store.Op{Key: s.key("b"), Value: []byte("1"), Lease: other})
	s.holds("a", "1")
	if err := lease.Revoke(s.ctx); err != nil {
		s.Fatalf("revoke: %v", err)
	}
	s.goes("a")
	s.holds("free", "1")
	s.holds("b", "1")
	s.ended(lease)
}

func leaseEndsWithContext(s *suite) {
	leaseCtx, stop := context.WithCancel(s.ctx)
	lease := s.grant(leaseCtx)
	s.commit(store.Op{Key: s.key("a"), Value: []byte("1"), Lease: lease})
	stop()
	s.ended(lease)
	s.goes("a")
}

func leaseGone(s *suite) {
	lease := s.grant(s.ctx)
	if err := lease.Revoke(s.ctx); err != nil {
		s.Fatalf("revoke: %v", err)
	}
	s.refused(fault.Precondition, store.Op{Key: s.key("a"), Value: []byte("1"), Lease: lease})
	s.absent("a")
}

func leaseGivenUpByWrite(s *suite) {
	lease := s.grant(s.ctx)
	rev := s.commit(store.Op{Key: s.key("a"), Value: []byte("1"), Lease: lease}, store.Op{Key: s.key("b"), Value: []byte("1"), Lease: lease})
	s.commit(s.put("a", "2", rev))
	if err := lease.Revoke(s.ctx); err != nil {
		s.Fatalf("revoke: %v", err)
	}
	s.goes("b")
	s.holds("a", "2")
}

// grant returns a lease of the shortest time to live a backend must support.
func (s *suite) grant(ctx context.Context) store.Lease {
	s.Helper()
	lease, err := s.Grant(ctx, 2*time.Second)
	if err != nil {
		s.Fatalf("grant: %v", err)
	}
	return lease
}

// ended waits for a lease to say that it has.
func (s *suite) ended(lease store.Lease) {
	s.Helper()
	select {
	case <-lease.Done():
	case <-time.After(patience):
		s.Error("the lease does not say that it has ended")
	}
}

func endedContext(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, getErr := s.Get(ctx, s.key("a"))
	_, _, listErr := s.List(ctx, s.prefix)
	_, commitErr := s.Commit(ctx, s.put("a", "1", 0))
	_, grantErr := s.Grant(ctx, time.Second)
	for call, err := range map[string]error{"get": getErr, "list": listErr, "commit": commitErr, "grant": grantErr} {
		if !fault.Is(err, fault.Canceled) {
			s.Errorf("%s: got %v, want canceled", call, err)
		}
	}
	s.absent("a")
}
