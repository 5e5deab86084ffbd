package remote

import (
	"context"
	"fmt"
	"time"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// LeasePrefix is where a server keeps who holds the leases it has granted: one key
// a lease, under that lease, its value the holder's name. Who finds such a key on a
// lease knows that its holder is elsewhere and may outlive this process.
const LeasePrefix = "/kfmesh/door/leases/"

func leaseKey(id int64) string { return fmt.Sprintf("%s%016x", LeasePrefix, uint64(id)) }

// Grant implements StoreService.
func (s *service) Grant(ctx context.Context, req *doorv1.GrantRequest) (*doorv1.Lease, error) {
	caller, err := s.identify(ctx)
	if err != nil {
		return nil, err
	}
	id, lives, err := s.backend.Lend(ctx, time.Duration(req.GetTtlMillis())*time.Millisecond)
	if err != nil {
		return nil, err
	}
	_, err = s.backend.Commit(ctx, store.Op{Key: leaseKey(id), Value: []byte(caller.Name), Lease: held(id)})
	if err != nil {
		_ = s.backend.Recall(context.WithoutCancel(ctx), id) // unreachable: the lease runs out by itself
		return nil, err
	}
	return &doorv1.Lease{Id: id, TtlMillis: lives.Milliseconds()}, nil
}

// KeepAlive implements StoreService.
func (s *service) KeepAlive(ctx context.Context, req *doorv1.KeepAliveRequest) (*doorv1.Lease, error) {
	caller, err := s.identify(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.holds(ctx, caller, req.GetId()); err != nil {
		return nil, err
	}
	lives, err := s.backend.Renew(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &doorv1.Lease{Id: req.GetId(), TtlMillis: lives.Milliseconds()}, nil
}

// Revoke implements StoreService.
func (s *service) Revoke(ctx context.Context, req *doorv1.RevokeRequest) (*doorv1.RevokeResponse, error) {
	caller, err := s.identify(ctx)
	if err != nil {
		return nil, err
	}
	err = s.holds(ctx, caller, req.GetId())
	if fault.Is(err, fault.Precondition) {
		return &doorv1.RevokeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &doorv1.RevokeResponse{}, s.backend.Recall(ctx, req.GetId())
}

// holds returns nil when a lease is the caller's, the fault of an ended lease when
// there is none, and fault.Denied when it is another's.
func (s *service) holds(ctx context.Context, caller Caller, id int64) error {
	holder, err := s.backend.Get(ctx, leaseKey(id))
	if fault.Is(err, fault.NotFound) {
		return store.ErrLeaseEnded(id)
	}
	if err != nil {
		return err
	}
	if string(holder.Value) != caller.Name {
		return fault.New(fault.Denied, "lease %x is not %s's", id, caller.Name).WithReason("LEASE_DENIED")
	}
	return nil
}

// holdsAll is holds of every lease that the ops name.
func (s *service) holdsAll(ctx context.Context, caller Caller, ops []store.Op) error {
	checked := map[int64]bool{}
	for _, op := range ops {
		if op.Lease == nil || checked[op.Lease.ID()] {
			continue
		}
		checked[op.Lease.ID()] = true
		if err := s.holds(ctx, caller, op.Lease.ID()); err != nil {
			return err
		}
	}
	return nil
}
