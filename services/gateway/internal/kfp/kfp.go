// Package kfp is what the KFP API has beside its protos: the multipart uploads,
// whose errors have a form of their own, and the health answer, in which every
// field is always there.
package kfp

import (
	"encoding/json"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// prefix of the KFP API.
const prefix = "/apis/v2beta1"

// Register adds the handlers to a mux. The version is that of the binary.
func Register(mux *http.ServeMux, pipelines pipelinev1.PipelineServiceClient, version string) {
	u := uploads{pipelines: pipelines}
	mux.HandleFunc("POST "+prefix+"/pipelines/upload", u.pipeline)
	mux.HandleFunc("POST "+prefix+"/pipelines/upload_version", u.version)
	mux.HandleFunc("GET "+prefix+"/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, health{CommitSHA: version, TagName: version, PipelineStore: "kfmesh"})
	})
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
