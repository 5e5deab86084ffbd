package door

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/member"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// recheck is how often the caller of a call that lasts is looked up again.
const recheck = 15 * time.Second

// guard lets members in, and those that want to join as far as Join.
type guard struct {
	roster *member.Roster
	ended  <-chan struct{} // closed when the door closes
}

// tap turns callers without a certificate away before anything they send is read.
func (guard) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if info.FullMethodName == doorv1.MembershipService_Join_FullMethodName {
		return ctx, nil
	}
	_, _, err := identity.Caller(ctx)
	if err != nil {
		return nil, rpc.Status(err).Err()
	}
	return ctx, nil
}

// admit returns nil when who makes a call may.
func (g guard) admit(ctx context.Context) error {
	id, certificate, err := identity.Caller(ctx)
	if err != nil {
		return err
	}
	if id == identity.Head {
		return fault.New(fault.Denied, "the head does not call itself").WithReason("IDENTITY_WRONG")
	}
	return g.roster.Check(ctx, id.Node, identity.KeyOf(certificate))
}

func (g guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if info.FullMethod != doorv1.MembershipService_Join_FullMethodName {
		if err := g.admit(ctx); err != nil {
			return nil, err
		}
	}
	return handler(ctx, req)
}

func (g guard) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := g.admit(stream.Context()); err != nil {
		return err
	}
	ctx, cut := context.WithCancelCause(stream.Context())
	defer cut(nil)
	go g.watch(ctx, cut)
	err := handler(srv, guarded{ServerStream: stream, ctx: ctx})
	if cause := context.Cause(ctx); stream.Context().Err() == nil && cause != nil {
		return cause
	}
	return err
}

// watch cuts a call when its caller is no member any more, or the door closes.
func (g guard) watch(ctx context.Context, cut context.CancelCauseFunc) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := g.admit(ctx); fault.Is(err, fault.Denied) {
				cut(err)
				return
			}
		case <-g.ended:
			cut(errStopping())
			return
		case <-ctx.Done():
			return
		}
	}
}

// guarded is a stream whose context the guard can end.
type guarded struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream has its context
}

// Context implements grpc.ServerStream.
func (g guarded) Context() context.Context { return g.ctx }

func errStopping() error {
	return fault.Unavailablef("the head is being stopped").WithReason(rpc.ReasonStopping)
}
