package api

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/lease"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
)

// SubmitWorkload implements WorkloadService.
func (s *workloads) SubmitWorkload(ctx context.Context, r *gpuagentv1.SubmitWorkloadRequest) (*gpuagentv1.Workload, error) {
	if err := validate(r.GetWorkload()); err != nil {
		return nil, err
	}
	guard := guardOf(r.GetFence())
	w, err := s.engine.Submit(ctx, withTrace(ctx, r.GetWorkload()), guard...)
	if fault.Is(err, fault.Conflict) && guard != nil {
		return nil, errDeposed(r.GetWorkload().GetMetadata().GetName(), r.GetFence()).WithCause(err)
	}
	return w, err
}

// withTrace notes the trace that the workload belongs to, so that its processes
// can go on with it. One that the submitter has set counts.
func withTrace(ctx context.Context, w *gpuagentv1.Workload) *gpuagentv1.Workload {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	parent := carrier.Get("traceparent")
	if _, set := w.GetMetadata().GetAnnotations()[engine.TraceAnnotation]; set || parent == "" {
		return w
	}
	w = proto.CloneOf(w)
	if w.Metadata.Annotations == nil {
		w.Metadata.Annotations = map[string]string{}
	}
	w.Metadata.Annotations[engine.TraceAnnotation] = parent
	return w
}

// GetWorkload implements WorkloadService.
func (s *workloads) GetWorkload(_ context.Context, r *gpuagentv1.GetWorkloadRequest) (*gpuagentv1.Workload, error) {
	return s.engine.Get(r.GetNamespace(), r.GetName())
}

// StopWorkload implements WorkloadService.
func (s *workloads) StopWorkload(ctx context.Context, r *gpuagentv1.StopWorkloadRequest) (*gpuagentv1.Workload, error) {
	return s.engine.Stop(ctx, r.GetNamespace(), r.GetName(), r.GetMessage())
}

// ScaleWorkload implements WorkloadService.
func (s *workloads) ScaleWorkload(ctx context.Context, r *gpuagentv1.ScaleWorkloadRequest) (*gpuagentv1.Workload, error) {
	guard := guardOf(r.GetFence())
	w, err := s.engine.Scale(ctx, engine.Scaling{
		Namespace: r.GetNamespace(), Name: r.GetName(), Group: r.GetGroup(), Count: r.GetCount(), Revision: r.GetResourceVersion(),
	}, guard...)
	if guard != nil && fault.Is(err, fault.Conflict) && !engine.IsModified(err) {
		return nil, errDeposed(r.GetName(), r.GetFence()).WithCause(err)
	}
	return w, err
}

// guardOf is what a commit under a fence has to find.
func guardOf(f *gpuagentv1.Fence) []store.Op {
	if f == nil {
		return nil
	}
	return []store.Op{lease.FenceOf(f.GetElection(), f.GetToken()).Op()}
}

func errDeposed(name string, f *gpuagentv1.Fence) *fault.Error {
	return fault.Conflictf("whoever submits workload %q no longer leads the election %q", name, f.GetElection()).WithReason("LEADERSHIP_LOST")
}

// DeleteWorkload implements WorkloadService.
func (s *workloads) DeleteWorkload(ctx context.Context, r *gpuagentv1.DeleteWorkloadRequest) (*emptypb.Empty, error) {
	if err := s.engine.Delete(ctx, r.GetNamespace(), r.GetName(), r.GetLeaveKept()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// DeleteKept implements WorkloadService.
func (s *workloads) DeleteKept(ctx context.Context, r *gpuagentv1.DeleteKeptRequest) (*emptypb.Empty, error) {
	if err := s.engine.DeleteKept(ctx, r.GetNamespace(), r.GetKeep()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
