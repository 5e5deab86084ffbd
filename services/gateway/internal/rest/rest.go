// Package rest is the REST form of every service: grpc-gateway over the mesh,
// with the JSON that KFP's clients expect.
//
// JSON uses the protos' field names (snake_case), leaves unset fields out, writes
// enums as names and 64-bit integers as strings, and refuses fields it does not
// know by name. Server streams are one {"result": ...} a line. An error is
// {"code", "message", "details"} with the HTTP status of its gRPC code. A canceled
// run that is got is FAILED (decision 0007).
package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// maxBodyBytes is the largest body of a request: a spec of 32 MiB, and what is
// around it.
const maxBodyBytes = 33 << 20

// New returns the handler of all paths that the protos name. Any other path
// gets a 404 in the same form.
func New(ctx context.Context, mesh rpc.Mesh) (http.Handler, error) {
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true},
		}),
		runtime.WithErrorHandler(answerError),
		runtime.WithStreamErrorHandler(func(_ context.Context, err error) *status.Status { return rpc.Status(err) }),
		runtime.WithRoutingErrorHandler(answerRouting),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved), // a name may hold a slash, as %2F
	)
	pipeline, metadata, gpuagent := mesh.Conn("pipeline"), mesh.Conn("metadata"), mesh.Conn("gpuagent")
	err := errors.Join(
		pipelinev1.RegisterPipelineServiceHandlerClient(ctx, mux, pipelinev1.NewPipelineServiceClient(pipeline)),
		pipelinev1.RegisterExperimentServiceHandlerClient(ctx, mux, pipelinev1.NewExperimentServiceClient(pipeline)),
		pipelinev1.RegisterRunServiceHandlerClient(ctx, mux, endingRuns{pipelinev1.NewRunServiceClient(pipeline)}),
		pipelinev1.RegisterRecurringRunServiceHandlerClient(ctx, mux, pipelinev1.NewRecurringRunServiceClient(pipeline)),
		pipelinev1.RegisterCacheServiceHandlerClient(ctx, mux, pipelinev1.NewCacheServiceClient(pipeline)),
		pipelinev1.RegisterHousekeepingServiceHandlerClient(ctx, mux, pipelinev1.NewHousekeepingServiceClient(pipeline)),
		trainingv1.RegisterTrainingServiceHandlerClient(ctx, mux, trainingv1.NewTrainingServiceClient(mesh.Conn("training"))),
		trainingv1.RegisterTrainingRuntimeServiceHandlerClient(ctx, mux, trainingv1.NewTrainingRuntimeServiceClient(mesh.Conn("training"))),
		trainingv1.RegisterHousekeepingServiceHandlerClient(ctx, mux, trainingv1.NewHousekeepingServiceClient(mesh.Conn("training"))),
		metadatav1.RegisterMetadataServiceHandlerClient(ctx, mux, metadatav1.NewMetadataServiceClient(metadata)),
		gpuagentv1.RegisterWorkloadServiceHandlerClient(ctx, mux, gpuagentv1.NewWorkloadServiceClient(gpuagent)),
		gpuagentv1.RegisterNodeServiceHandlerClient(ctx, mux, gpuagentv1.NewNodeServiceClient(gpuagent)),
		gpuagentv1.RegisterSecretServiceHandlerClient(ctx, mux, gpuagentv1.NewSecretServiceClient(gpuagent)),
		gpuagentv1.RegisterConfigMapServiceHandlerClient(ctx, mux, gpuagentv1.NewConfigMapServiceClient(gpuagent)),
		gpuagentv1.RegisterVolumeServiceHandlerClient(ctx, mux, gpuagentv1.NewVolumeServiceClient(gpuagent)),
		gpuagentv1.RegisterPriorityClassServiceHandlerClient(ctx, mux, gpuagentv1.NewPriorityClassServiceClient(gpuagent)),
		gpuagentv1.RegisterQueueServiceHandlerClient(ctx, mux, gpuagentv1.NewQueueServiceClient(gpuagent)),
		gpuagentv1.RegisterHousekeepingServiceHandlerClient(ctx, mux, gpuagentv1.NewHousekeepingServiceClient(gpuagent)),
	)
	return http.MaxBytesHandler(mux, maxBodyBytes), err
}

// answerError writes an error: a fault as its status, anything else as it is.
func answerError(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	if _, ok := errors.AsType[*runtime.HTTPStatusError](err); !ok {
		err = withoutBytes(rpc.Status(err)).Err()
	}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
}

// answerRouting writes the error of a path or method that there is not.
func answerRouting(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int) {
	err := &runtime.HTTPStatusError{HTTPStatus: httpStatus}
	switch httpStatus {
	case http.StatusNotFound:
		err.Err = status.Errorf(codes.NotFound, "there is nothing at %s; /openapi.json lists what there is", r.URL.Path)
	case http.StatusMethodNotAllowed:
		err.Err = status.Errorf(codes.Unimplemented, "%s does not go with %s; /openapi.json lists what does", r.Method, r.URL.Path)
	default:
		err.Err = status.Errorf(codes.InvalidArgument, "the request for %s is malformed: %s", r.URL.Path, http.StatusText(httpStatus))
	}
	answerError(ctx, mux, m, w, r, err)
}

// WriteError writes an error in the form of this package, for the handlers
// beside it.
func WriteError(w http.ResponseWriter, err error) {
	s := rpc.Status(err)
	content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(s.Proto())
	if err != nil {
		http.Error(w, s.Message(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(runtime.HTTPStatusFromCode(s.Code()))
	_, _ = w.Write(content) // a caller that went away hears nothing
}
