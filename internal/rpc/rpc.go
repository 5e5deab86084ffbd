// Package rpc is how services talk: gRPC servers and clients with the same
// interceptors everywhere, and the one place where faults become statuses.
package rpc

import "google.golang.org/grpc"

// Mesh finds the other services.
type Mesh interface {
	// Conn returns the connection to a service by its name, such as
	// "pipeline". The connection is shared and must not be closed by the caller.
	Conn(service string) grpc.ClientConnInterface
}
