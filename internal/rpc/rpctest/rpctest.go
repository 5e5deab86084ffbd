// Package rpctest serves gRPC services in memory for tests, with the
// interceptors they have in production.
package rpctest

import (
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/rpc"
)

// Serve serves what register registers until the test ends, and returns the
// mesh that reaches it. The server logs to the test.
func Serve(t testing.TB, register func(grpc.ServiceRegistrar)) rpc.Mesh {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	server := rpc.NewServer(log, grpc.WaitForHandlers(true)) // which log to the test, and so may not outlive it
	register(server)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mesh.Serve() }()
	t.Cleanup(func() {
		_ = mesh.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Logf("the server ended with %v", err)
		}
	})
	return mesh
}
