// Package modelregistry is the REST API of Kubeflow Model Registry in front of
// kfmesh's own registry and experiment tracking, so that its Python client, and
// what is built on it, works with kfmesh.
//
// Every path is served below /api/model_registry/v1alpha3 and, for newer clients,
// below /api/model_registry/v1. Ids and 64-bit integers are texts. An answer that
// is a list is {"items", "nextPageToken", "pageSize", "size"}; an error is
// {"code", "message"} with the HTTP status as the code. Kubeflow Model Registry
// has no namespaces: the parameter namespace or the header X-MLFLOW-WORKSPACE names
// one, and otherwise it is "default".
//
// Experiments and their runs are those that MLflow's clients see: a run's
// parameters, metrics and datasets are its artifacts here.
package modelregistry

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// root is where all versions of the API are.
const root = "/api/model_registry/"

// versions are those of the API that are served, all in one form.
var versions = []string{"v1alpha3", "v1"}

// Deps is what the API stands on.
type Deps struct {
	Registry metadatav1.ModelRegistryServiceClient
	Tracking metadatav1.TrackingServiceClient
}

// edge has a method for each path.
type edge struct{ Deps }

// handler answers a call with what is to be written as JSON.
type handler func(*call) (any, error)

// Register adds the API to a mux.
func Register(mux *http.ServeMux, deps Deps) {
	e := &edge{deps}
	for _, version := range versions {
		for path, methods := range e.paths() {
			for method, answer := range methods {
				mux.HandleFunc(method+" "+root+version+path, serve(method, answer))
			}
		}
	}
	mux.HandleFunc(root, func(w http.ResponseWriter, r *http.Request) {
		writeError(w, fault.NotFoundf("there is nothing at %s %s in this API, which is served as v1alpha3 and v1", r.Method, r.URL.Path))
	})
}

// methods are the handlers of one path.
type methods map[string]handler

func (e *edge) paths() map[string]methods {
	paths := map[string]methods{
		"/registered_models":               {"GET": e.listModels, "POST": e.createModel},
		"/registered_models/{id}":          {"GET": e.getModel, "PATCH": e.updateModel},
		"/registered_models/{id}/versions": {"GET": e.listVersions, "POST": e.createVersion},
		"/registered_model":                {"GET": e.findModel},
		"/model_versions":                  {"GET": e.listVersions, "POST": e.createVersion},
		"/model_versions/{id}":             {"GET": e.getVersion, "PATCH": e.updateVersion},
		"/model_versions/{id}/artifacts":   {"GET": e.listVersionArtifacts, "POST": e.putVersionArtifact},
		"/model_version":                   {"GET": e.findVersion},
		"/inference_services/{id}/model":   {"GET": e.modelOfService},
		"/inference_services/{id}/version": {"GET": e.versionOfService},
	}
	for name, kinds := range collections {
		paths["/"+name+"s"] = methods{"GET": e.listItems(kinds), "POST": e.createItem(kinds, "")}
		paths["/"+name+"s/{id}"] = methods{"GET": e.getItem(kinds), "PATCH": e.updateItem(kinds)}
		paths["/"+name] = methods{"GET": e.findItem(kinds)}
	}
	inside := func(parent, name string, kinds kinds, field string) {
		paths["/"+parent+"/{id}/"+name] = methods{"GET": e.listItems(kinds), "POST": e.createItem(kinds, field)}
	}
	inside("serving_environments", "inference_services", collections["inference_service"], "servingEnvironmentId")
	inside("inference_services", "serves", kinds{metadatav1.RegistryItem_KIND_SERVE_MODEL}, "inferenceServiceId")
	for path, methods := range e.experimentPaths() {
		paths[path] = methods
	}
	return paths
}

// serve writes what a handler answers.
func serve(method string, answer handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := read(w, r)
		if err != nil {
			writeError(w, err)
			return
		}
		content, err := answer(c)
		if err == nil {
			err = c.failure
		}
		if err != nil {
			writeError(w, err)
			return
		}
		status := http.StatusOK
		if method == http.MethodPost && !c.replaced {
			status = http.StatusCreated
		}
		write(w, status, content)
	}
}

func writeError(w http.ResponseWriter, err error) {
	s := rpc.Status(err)
	status := runtime.HTTPStatusFromCode(s.Code())
	write(w, status, object{"code": strconv.Itoa(status), "message": s.Message()})
}

func write(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(content) // a client that went away hears nothing
}
