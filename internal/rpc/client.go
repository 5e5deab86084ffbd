package rpc

import (
	"context"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// defaultDeadline is what a unary call gets that has none.
const defaultDeadline = 30 * time.Second

// callPolicy makes grpc retry, with jitter, calls that found nobody, and streams
// that found nobody before their first message. A call may have been heard by a
// server that died before it answered; all methods stand being called again but
// those that make something anew each time.
const callPolicy = `{"methodConfig": [{
	"name": [{}],
	"retryPolicy": {
		"maxAttempts": 5,
		"initialBackoff": "0.05s",
		"maxBackoff": "2s",
		"backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}, {
	"name": [
		{"service": "kfmesh.pipeline.v1.RunService", "method": "CreateRun"},
		{"service": "kfmesh.pipeline.v1.RecurringRunService", "method": "CreateRecurringRun"},
		{"service": "kfmesh.door.v1.StoreService", "method": "Commit"},
		{"service": "kfmesh.mesh.v1.TokenService", "method": "CreateToken"}
	]
}]}`

// ClientOptions returns what every kfmesh client dials with. Errors of its
// calls are faults.
func ClientOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithDefaultServiceConfig(callPolicy),
		grpc.WithChainUnaryInterceptor(callUnary),
		grpc.WithChainStreamInterceptor(callStream),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MaxMessageBytes),
			grpc.MaxCallSendMsgSize(MaxMessageBytes),
		),
	}
}

func callUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	return Fault(invoke(ctx, method, req, reply, cc, opts...))
}

func callStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, Fault(err)
	}
	return faultStream{stream}, nil
}

// faultStream returns faults where its stream returns statuses.
type faultStream struct{ grpc.ClientStream }

func (s faultStream) RecvMsg(m any) error { return Fault(s.ClientStream.RecvMsg(m)) }
func (s faultStream) SendMsg(m any) error { return Fault(s.ClientStream.SendMsg(m)) }
