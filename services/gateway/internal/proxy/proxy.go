// Package proxy passes gRPC calls on, unread, to the services that own them.
//
// Messages, metadata, deadlines and cancellation go through in both directions;
// a status comes back as the service made it, details included.
package proxy

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/route"
)

// Options make a server pass on every method that it does not have itself.
func Options(mesh rpc.Mesh) []grpc.ServerOption {
	p := proxy{mesh: mesh, codec: newCodec()}
	return []grpc.ServerOption{grpc.ForceServerCodecV2(p.codec), grpc.UnknownServiceHandler(p.handle)}
}

type proxy struct {
	mesh  rpc.Mesh
	codec codec
}

// handle passes one call on.
func (p proxy) handle(_ any, caller grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(caller)
	if !ok {
		return fault.Internalf(nil, "the call has no method")
	}
	owner, ok := route.Owner(method)
	if !ok {
		return fault.NotFoundf("kfmesh has no method %s; its services are those that reflection lists", method)
	}
	ctx, cancel := context.WithCancel(outgoing(caller.Context()))
	defer cancel()
	both := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	callee, err := p.mesh.Conn(owner).NewStream(ctx, both, method, grpc.ForceCodecV2(p.codec))
	if err != nil {
		return asMade(err)
	}
	go passRequests(caller, callee) // ends when this call does, which ends both streams
	return passReplies(caller, callee)
}

// outgoing is the caller's context with its metadata, to call on with.
func outgoing(ctx context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(ctx)
	return metadata.NewOutgoingContext(ctx, md.Copy())
}

// passRequests passes on what the caller sends. Its failures need no answer: the
// callee's status says what happened, and a caller that went away hears none.
func passRequests(caller grpc.ServerStream, callee grpc.ClientStream) {
	for {
		var f frame
		err := caller.RecvMsg(&f)
		if errors.Is(err, io.EOF) {
			_ = callee.CloseSend()
			return
		}
		if err != nil || callee.SendMsg(&f) != nil {
			return
		}
	}
}

// passReplies passes on what the callee sends, until its status.
func passReplies(caller grpc.ServerStream, callee grpc.ClientStream) error {
	for first := true; ; first = false {
		var f frame
		err := callee.RecvMsg(&f)
		if first {
			if header, headerErr := callee.Header(); headerErr == nil {
				_ = caller.SetHeader(header)
			}
		}
		if err != nil {
			caller.SetTrailer(callee.Trailer())
			if errors.Is(err, io.EOF) {
				return nil
			}
			return asMade(err)
		}
		if err := caller.SendMsg(&f); err != nil {
			return err
		}
	}
}

// asMade returns the status that the callee made, where the mesh returns it as
// the cause of a fault: not every status is a fault.
func asMade(err error) error {
	if made, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		return made.GRPCStatus().Err()
	}
	return err
}
