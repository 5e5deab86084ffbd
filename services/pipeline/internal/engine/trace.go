package engine

import (
	"context"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// traceAnnotation is the annotation of a workload with the trace that its processes go on with.
const traceAnnotation = "kfmesh.dev/traceparent"

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

// addTrace makes a step part of the trace of its run, whether or not this process
// exports traces: what a step does may be.
func addTrace(ctx context.Context, w *gpuagentv1.Workload) {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if parent := carrier.Get("traceparent"); parent != "" {
		w.GetMetadata().GetAnnotations()[traceAnnotation] = parent
	}
}
