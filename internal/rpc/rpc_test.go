package rpc_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
)

// archive answers GetRecord as it is told.
type archive struct {
	metadatav1.UnimplementedArchiveServiceServer
	get func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error)
}

func (a archive) GetRecord(ctx context.Context, req *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
	return a.get(ctx, req)
}

// client returns a client of an archive that answers GetRecord with get.
func client(t *testing.T, get func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error)) metadatav1.ArchiveServiceClient {
	t.Helper()
	mesh := rpctest.Serve(t, func(s grpc.ServiceRegistrar) {
		metadatav1.RegisterArchiveServiceServer(s, archive{get: get})
	})
	return metadatav1.NewArchiveServiceClient(mesh.Conn("metadata"))
}

var request = &metadatav1.GetRecordRequest{Kind: "pipeline.run", Uid: "1"}

func TestFaultsCrossTheWire(t *testing.T) {
	t.Parallel()
	for _, want := range []*fault.Error{
		fault.NotFoundf("run 1 does not exist").WithReason("RUN_NOT_FOUND"),
		fault.AlreadyExistsf("run 1 exists"),
		fault.Conflictf("run 1 changed"),
		fault.Preconditionf("run 1 has ended"),
		fault.Exhaustedf("too many runs"),
		fault.New(fault.Unauthenticated, "who are you"),
		fault.New(fault.Denied, "not you"),
		fault.New(fault.Canceled, "given up"),
		fault.Internalf(nil, "run 1 is broken"),
		fault.Invalidf("root.dag", "has a cycle"),
		fault.InvalidAll([]fault.Violation{{Field: "a", Reason: "is 1, not 2"}, {Reason: "is odd"}}).WithReason("BAD_SPEC"),
	} {
		t.Run(want.Kind.String(), func(t *testing.T) {
			t.Parallel()
			c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
				return nil, want
			})
			_, err := c.GetRecord(t.Context(), request)
			got, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("got %T %v, want a fault", err, err)
			}
			if got.Kind != want.Kind || got.Reason != want.Reason || got.Message != want.Message ||
				!reflect.DeepEqual(got.Violations, want.Violations) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestCausesStayInTheServer(t *testing.T) {
	t.Parallel()
	secret := errors.New("password is hunter2")
	for name, failure := range map[string]error{"fault": fault.Internalf(secret, "broken"), "error": secret} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
				return nil, failure
			})
			_, err := c.GetRecord(t.Context(), request)
			if !fault.Is(err, fault.Internal) || strings.Contains(errors.Unwrap(err).Error(), "hunter2") {
				t.Errorf("got %v (%v)", err, errors.Unwrap(err))
			}
		})
	}
}

func TestPanicsAreSurvived(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		if calls.Add(1) == 1 {
			panic("at the first call")
		}
		return &metadatav1.Record{}, nil
	})
	if _, err := c.GetRecord(t.Context(), request); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want internal", err)
	}
	if _, err := c.GetRecord(t.Context(), request); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}

func TestRequestsAreValidated(t *testing.T) {
	t.Parallel()
	c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		t.Error("an invalid request reached the handler")
		return &metadatav1.Record{}, nil
	})
	_, err := c.GetRecord(t.Context(), &metadatav1.GetRecordRequest{Kind: "pipeline.run"})
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || len(e.Violations) != 1 || e.Violations[0].Field != "uid" {
		t.Errorf("got %#v, want one violation, of uid", err)
	}
}

func TestUnavailableIsRetried(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		if calls.Add(1) < 3 {
			return nil, fault.Unavailablef("not yet")
		}
		return &metadatav1.Record{}, nil
	})
	if _, err := c.GetRecord(t.Context(), request); err != nil || calls.Load() != 3 {
		t.Errorf("got %v after %d calls, want success at the third", err, calls.Load())
	}
}

// runs is a server that dies whenever it has made a run.
type runs struct {
	pipelinev1.UnimplementedRunServiceServer
	made atomic.Int32
}

func (r *runs) CreateRun(context.Context, *pipelinev1.CreateRunRequest) (*pipelinev1.Run, error) {
	r.made.Add(1)
	return nil, fault.Unavailablef("killed")
}

func TestARunIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	server := &runs{}
	mesh := rpctest.Serve(t, func(s grpc.ServiceRegistrar) { pipelinev1.RegisterRunServiceServer(s, server) })
	_, err := pipelinev1.NewRunServiceClient(mesh.Conn("pipeline")).CreateRun(t.Context(), &pipelinev1.CreateRunRequest{})
	if !fault.Is(err, fault.Unavailable) || server.made.Load() != 1 {
		t.Errorf("got %v and %d runs, want it to be unavailable after one", err, server.made.Load())
	}
}

func TestConflictIsNotRetried(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		calls.Add(1)
		return nil, fault.Conflictf("changed")
	})
	if _, err := c.GetRecord(t.Context(), request); !fault.Is(err, fault.Conflict) || calls.Load() != 1 {
		t.Errorf("got %v after %d calls, want a conflict after one", err, calls.Load())
	}
}

func TestCallsHaveADeadline(t *testing.T) {
	t.Parallel()
	c := client(t, func(ctx context.Context, _ *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the call has no deadline")
		}
		return &metadatav1.Record{}, nil
	})
	if _, err := c.GetRecord(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestLargeMessagesPass(t *testing.T) {
	t.Parallel()
	content := make([]byte, 40<<20)
	c := client(t, func(context.Context, *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
		return &metadatav1.Record{Detail: content}, nil
	})
	resp, err := c.GetRecord(t.Context(), request)
	if err != nil || len(resp.GetDetail()) != len(content) {
		t.Errorf("got %d bytes, %v", len(resp.GetDetail()), err)
	}
}

// workloads streams two chunks of a log and then fails.
type workloads struct {
	gpuagentv1.UnimplementedWorkloadServiceServer
	end error
}

func (w workloads) Logs(_ *gpuagentv1.LogsRequest, stream grpc.ServerStreamingServer[gpuagentv1.LogChunk]) error {
	if err := stream.Send(&gpuagentv1.LogChunk{}); err != nil {
		return err
	}
	return w.end
}

func TestStreamsEndInFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ end, want error }{
		"good": {nil, io.EOF},
		"bad":  {fault.NotFoundf("log is gone"), fault.NotFoundf("log is gone")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mesh := rpctest.Serve(t, func(s grpc.ServiceRegistrar) {
				gpuagentv1.RegisterWorkloadServiceServer(s, workloads{end: tc.end})
			})
			stream, err := gpuagentv1.NewWorkloadServiceClient(mesh.Conn("gpuagent")).
				Logs(t.Context(), &gpuagentv1.LogsRequest{Name: "w"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
			_, err = stream.Recv()
			if tc.end == nil && err != io.EOF { //nolint:errorlint // io.EOF must come as it is
				t.Errorf("got %v, want io.EOF", err)
			}
			if tc.end != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestDialedWithoutAnAddress(t *testing.T) {
	t.Parallel()
	mesh, err := rpc.NewDialed(map[string]string{"metadata": "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer mesh.Close()
	_, err = metadatav1.NewArchiveServiceClient(mesh.Conn("training")).GetRecord(t.Context(), request)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "training") {
		t.Errorf("got %v, want that training has no address", err)
	}
}

func TestStatusOfAProxiedCallIsKept(t *testing.T) {
	t.Parallel()
	original := status.New(codes.DataLoss, "as the other server said")
	if got := rpc.Status(original.Err()); got.Code() != codes.DataLoss || got.Message() != original.Message() {
		t.Errorf("got %v", got)
	}
	// A client's fault keeps its kind when a server passes it on.
	if got := rpc.Status(rpc.Fault(status.Error(codes.NotFound, "gone"))); got.Code() != codes.NotFound {
		t.Errorf("got %v", got)
	}
}
