package rpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// answering is the outermost interceptor: it logs what handlers return, causes
// included, and turns it into what clients may see.
type answering struct{ log *slog.Logger }

func (a answering) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	resp, err := handler(ctx, req)
	return resp, a.finish(ctx, info.FullMethod, start, err)
}

func (a answering) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	start := time.Now()
	err := handler(srv, stream)
	return a.finish(stream.Context(), info.FullMethod, start, err)
}

func (a answering) finish(ctx context.Context, method string, start time.Time, err error) error {
	s := Status(err)
	level := levelOf(s.Code(), err)
	if a.log.Enabled(ctx, level) {
		attrs := []slog.Attr{
			slog.String("method", method),
			slog.String("code", s.Code().String()),
			slog.Duration("took", time.Since(start)),
		}
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		if cause := errors.Unwrap(err); cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
		a.log.LogAttrs(ctx, level, "rpc", attrs...)
	}
	return s.Err()
}

// ReasonStopping is that of calls which a server ends because it is being stopped: nothing
// is wrong with them or with it.
const ReasonStopping = "STOPPING"

// levelOf says how loud an outcome is: what the server is to blame for is an
// error, what a client did wrong is none of the log's business.
func levelOf(code codes.Code, err error) slog.Level {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Reason == ReasonStopping {
		return slog.LevelDebug
	}
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}
