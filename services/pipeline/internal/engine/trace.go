package engine

import (
	"context"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// traced makes all calls for a run part of one trace, whose id is that of the
// run: so it is found by whoever knows the run, and outlives restarts.
func traced(ctx context.Context, runID string) context.Context {
	id, err := uuid.Parse(runID)
	if err != nil {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID(id),
		SpanID:     trace.SpanID(id[:8]),
		TraceFlags: trace.FlagsSampled,
		Remote:     true,
	}))
}
