// Package openlineage takes in OpenLineage events (spec 2.0.2) at
// /api/v1/lineage, where the clients of Spark, Airflow, dbt and the like send them,
// and has the metadata service keep them.
//
// A run is an execution whose uid is its runId; a dataset is an artifact, known by
// namespace and name, and by its version when a facet says one; a job is a context.
// Facets are kept as custom properties, by name. Everything is merged with what is
// known, so events may come again and in any order.
//
// Events are kept in the namespace that the parameter namespace or the header
// X-MLFLOW-WORKSPACE names, or that of a job of kfmesh://NAMESPACE, else in default.
//
// GET /api/v1/lineage?nodeId=&depth= answers what is known around a dataset or a job,
// whoever told of it, as Marquez does.
package openlineage

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// maxBodyBytes is the largest request that is read.
const maxBodyBytes = 16 << 20

// Register adds the handlers to a mux.
func Register(mux *http.ServeMux, metadata metadatav1.MetadataServiceClient) {
	r := receiver{metadata: metadata}
	mux.HandleFunc("POST /api/v1/lineage", r.one)
	mux.HandleFunc("POST /api/v1/lineage/batch", r.batch)
	mux.HandleFunc("GET /api/v1/lineage", r.lineage)
}

type receiver struct {
	metadata metadatav1.MetadataServiceClient
}

// one takes in an event.
func (rc receiver) one(w http.ResponseWriter, r *http.Request) {
	content, err := read(w, r)
	if err == nil {
		err = rc.take(r, content)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// summary is how a batch went, as OpenLineage's API has it.
type summary struct {
	Status  string   `json:"status"`
	Summary counts   `json:"summary"`
	Failed  []failed `json:"failed_events"`
}

type counts struct {
	Received     int `json:"received"`
	Successful   int `json:"successful"`
	Failed       int `json:"failed"`
	Retriable    int `json:"retriable"`
	NonRetriable int `json:"non_retriable"`
}

type failed struct {
	Index     int    `json:"index"`
	Reason    string `json:"reason"`
	Retriable bool   `json:"retriable"`
}

// batch takes in a list of events, each by itself.
func (rc receiver) batch(w http.ResponseWriter, r *http.Request) {
	content, err := read(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	var events []json.RawMessage
	if err := json.Unmarshal(content, &events); err != nil {
		refuse(w, fault.Invalidf("", "the body is no JSON list of events: %v", err))
		return
	}
	s := summary{Status: "success", Summary: counts{Received: len(events)}, Failed: []failed{}}
	for i, event := range events {
		err := rc.take(r, event)
		if err == nil {
			s.Summary.Successful++
			continue
		}
		s.Status = "partial_success"
		s.Summary.Failed++
		again := mayPass(err)
		if again {
			s.Summary.Retriable++
		} else {
			s.Summary.NonRetriable++
		}
		s.Failed = append(s.Failed, failed{Index: i, Reason: rpc.Status(err).Message(), Retriable: again})
	}
	write(w, http.StatusOK, s)
}

// take has one event kept.
func (rc receiver) take(r *http.Request, content []byte) error {
	e, err := parse(content)
	if err != nil {
		return err
	}
	_, err = rc.metadata.PutExecution(r.Context(), translate(e, namespaceOf(r, e.Job)))
	return err
}

// home begins the namespace of jobs that kfmesh runs.
const home = "kfmesh://"

// namespaceOf is the namespace of kfmesh that a request means, or else the job.
func namespaceOf(r *http.Request, of *job) string {
	own := ""
	if of != nil {
		own, _ = strings.CutPrefix(of.Namespace, home)
		if own == of.Namespace {
			own = ""
		}
	}
	return cmp.Or(r.URL.Query().Get("namespace"), r.Header.Get("X-MLFLOW-WORKSPACE"), own, defaultNamespace)
}

func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, fault.Invalidf("", "the body is larger than %d bytes", maxBodyBytes)
	}
	if err != nil {
		return nil, fault.Invalidf("", "the body could not be read to its end")
	}
	return content, nil
}

// mayPass reports whether what failed may succeed when it is sent again.
func mayPass(err error) bool {
	switch rpc.Status(err).Code() {
	case codes.Unavailable, codes.Aborted, codes.ResourceExhausted, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

// problem is the form of an error.
type problem struct {
	Error  string  `json:"error"`
	Fields []field `json:"fields,omitempty"`
}

type field struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func refuse(w http.ResponseWriter, err error) {
	s := rpc.Status(err)
	p := problem{Error: s.Message()}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		for _, v := range f.Violations {
			p.Fields = append(p.Fields, field{v.Field, v.Reason})
		}
	}
	write(w, runtime.HTTPStatusFromCode(s.Code()), p)
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a caller that went away hears nothing
}
