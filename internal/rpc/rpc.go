// Package rpc is how services talk: gRPC servers and clients with the same
// interceptors everywhere, and the one place where faults become statuses.
//
// A server recovers from panics, refuses requests that break the rules of
// their proto, logs, traces, and answers with a status that carries the fault.
// A client gives calls a deadline, retries what is unavailable, and returns the
// fault as the server made it. In one process services meet over memory
// (InMemory), in many over the network (Dialed); they cannot tell.
package rpc

import "google.golang.org/grpc"

// MaxMessageBytes is the largest message either side accepts. The largest there
// is, is an uploaded pipeline of 32 MiB.
const MaxMessageBytes = 64 << 20

// Mesh finds the other services.
type Mesh interface {
	// Conn returns the connection to a service by its name, such as
	// "pipeline". The connection is shared and must not be closed by the caller.
	Conn(service string) grpc.ClientConnInterface
}
