// Package kfp is what the KFP API has beside its protos: the multipart uploads,
// whose errors have a form of their own; the health answer, in which every field
// is always there; the content of a task's artifact; and the question whether one
// may, to which the answer is yes.
package kfp

import (
	"encoding/json"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// prefix of the KFP API. Of its predecessor v1beta1 there is only the health.
const prefix = "/apis/v2beta1"

// Deps is what the handlers work with.
type Deps struct {
	Pipelines pipelinev1.PipelineServiceClient
	Runs      pipelinev1.RunServiceClient
	Bucket    *blob.Bucket
	Version   string // of the binary
}

// Register adds the handlers to a mux.
func Register(mux *http.ServeMux, deps Deps) {
	u := uploads{pipelines: deps.Pipelines}
	mux.HandleFunc("POST "+prefix+"/pipelines/upload", u.pipeline)
	mux.HandleFunc("POST "+prefix+"/pipelines/upload_version", u.version)
	alive := func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, health{CommitSHA: deps.Version, TagName: deps.Version, PipelineStore: "kfmesh"})
	}
	mux.HandleFunc("GET "+prefix+"/healthz", alive)
	mux.HandleFunc("GET /apis/v1beta1/healthz", alive)
	// Nobody signs in yet, so whoever asks may.
	mux.HandleFunc("GET "+prefix+"/auth", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, struct{}{})
	})
	a := artifacts{runs: deps.Runs, bucket: deps.Bucket}
	mux.HandleFunc("GET "+prefix+"/runs/{run_id}/nodes/{node_id}/artifacts/{artifact}", a.read)
}

// health is what get_kfp_healthz reads. With multi_user, the kfp SDK would look
// for a Kubernetes service account.
type health struct {
	CommitSHA     string `json:"commit_sha"`
	TagName       string `json:"tag_name"`
	MultiUser     bool   `json:"multi_user"`
	PipelineStore string `json:"pipeline_store"`
}

// uploadError is the form of an upload's error.
type uploadError struct {
	Message string `json:"error_message"`
	Details string `json:"error_details"`
}

func writeError(w http.ResponseWriter, err error) {
	s := rpc.Status(err)
	writeJSON(w, runtime.HTTPStatusFromCode(s.Code()), uploadError{
		Message: "the pipeline was not uploaded: " + s.Message(),
		Details: s.Message(),
	})
}

func writeMessage(w http.ResponseWriter, message proto.Message) {
	content, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(content) // a caller that went away hears nothing
}

func writeJSON(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}
