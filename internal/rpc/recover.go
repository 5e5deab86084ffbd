package rpc

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// recoverUnary answers Internal when a handler panics, and the server goes on.
func recoverUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return handler(ctx, req)
}

func recoverStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return handler(srv, stream)
}

func panicked(p any) error {
	return fault.Internalf(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "internal error")
}
