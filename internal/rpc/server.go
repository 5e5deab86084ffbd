package rpc

import (
	"log/slog"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
)

// NewServer returns a server with every interceptor a kfmesh server has. It
// logs to log: failures of the server as errors, all else as debug.
func NewServer(log *slog.Logger, extra ...grpc.ServerOption) *grpc.Server {
	answer := answering{log: log}
	options := []grpc.ServerOption{
		grpc.StatsHandler(otelgrpc.NewServerHandler()),
		grpc.ChainUnaryInterceptor(answer.unary, recoverUnary, validateUnary),
		grpc.ChainStreamInterceptor(answer.stream, recoverStream, validateStream),
		grpc.MaxRecvMsgSize(MaxMessageBytes),
		grpc.MaxSendMsgSize(MaxMessageBytes),
	}
	return grpc.NewServer(append(options, extra...)...)
}
