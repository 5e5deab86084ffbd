package rpc

import (
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// Times of connections between machines, which may go without a word.
const (
	// pingAfter is how long a connection may be silent before it is asked whether it
	// lives, and pingTimeout how long it may take to answer.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second

	// connectionAge is how long a connection takes new calls. The next one proves
	// again who is at its ends, with certificates that were renewed meanwhile; calls
	// under way go on.
	connectionAge = time.Hour

	// handshakeTimeout is how long who connects may take to prove who it is.
	handshakeTimeout = 10 * time.Second

	// The pause before a connection that was lost is tried again.
	firstReconnect   = 100 * time.Millisecond
	longestReconnect = 3 * time.Second
)

// FarClientOptions returns what a client on another machine dials with beside
// ClientOptions. It tries again for ever.
func FarClientOptions(creds credentials.TransportCredentials) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstReconnect, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestReconnect},
			MinConnectTimeout: pingTimeout,
		}),
		grpc.WithIdleTimeout(0),
	}
}

// FarServerOptions returns what a server for clients on other machines has beside
// what NewServer gives every one.
func FarServerOptions(creds credentials.TransportCredentials) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(creds),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAfter / 2, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: pingAfter, Timeout: pingTimeout,
			MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: time.Duration(math.MaxInt64),
		}),
	}
}
