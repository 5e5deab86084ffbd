package pod

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// log writes what the pod's container has written, and goes on while it runs when that is
// asked for.
func (s *store) log(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return refused()
	}
	tail := int64(0)
	if text := r.FormValue("tailLines"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return fault.Invalidf("tailLines", "Invalid value: %q: must be a number from 0", text)
		}
		tail = n
	}
	follow, _ := strconv.ParseBool(r.FormValue("follow")) // as Kubernetes: what is no truth is not true
	found, err := s.find(r.Context(), r.PathValue("namespace"), r.PathValue("name"))
	if err != nil {
		return err
	}
	m := found.workload.GetMetadata()
	companion := r.FormValue("container")
	if companion == found.container() {
		companion = ""
	}
	stream, err := s.workloads.Logs(r.Context(), &gpuagentv1.LogsRequest{
		Container: companion, Namespace: m.GetNamespace(), Name: m.GetName(), Group: found.group.GetName(), Index: found.index, Follow: follow, TailLines: tail,
	})
	if err != nil {
		return err
	}
	return copyLog(w, stream)
}

// copyLog writes a log piece by piece. Once something was written an error can only cut
// it short.
func copyLog(w http.ResponseWriter, stream interface {
	Recv() (*gpuagentv1.LogChunk, error)
},
) error {
	chunk, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	for err == nil {
		if _, err = w.Write(chunk.GetData()); err == nil { // otherwise the caller went away
			_ = http.NewResponseController(w).Flush() // one that cannot is not asked to
			chunk, err = stream.Recv()
		}
	}
	return nil
}
