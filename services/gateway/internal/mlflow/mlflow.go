// Package mlflow is MLflow's REST API in front of kfmesh's own services, so that
// mlflow.set_tracking_uri("http://host:8080") is all that a program needs.
//
// Every path is served below /api/2.0/mlflow and below /ajax-api/2.0/mlflow, which
// MLflow's pages use; what MLflow 3 added at 3.0 is served there. The header
// X-MLFLOW-WORKSPACE names the namespace. The package checks the form of a request
// only: what may be logged, and how a refusal is worded, is the services' to say.
//
// An error is {"error_code", "message"} with the status that MLflow's client
// expects of the code: it repeats what failed with 429 or from 500 up, so those
// are kept for what may succeed when repeated.
//
// Handlers are methods of edge; the tables in *Routes list them. A handler reads
// the fields of its form, asks form.failure, calls the service and writes the
// fields of the answer, an object that is already open.
package mlflow

import (
	"log/slog"
	"net/http"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
)

// Deps is what the API stands on.
type Deps struct {
	Tracking metadatav1.TrackingServiceClient
	Registry metadatav1.ModelRegistryServiceClient
	Bucket   *blob.Bucket
	Log      *slog.Logger
}

type edge struct {
	Deps
	table table
	room  room
}

// Wrap returns a handler that serves MLflow's paths and passes everything else to
// next. It stands before any http.ServeMux, which would redirect a path that holds
// ".." where MLflow refuses it.
func Wrap(next http.Handler, deps Deps) http.Handler {
	e := &edge{Deps: deps, room: newRoom()}
	e.table = newTable(
		e.serverRoutes(),
		e.experimentRoutes(),
		e.registeredModelRoutes(),
		e.modelVersionRoutes(),
		e.runRoutes(),
		e.logRoutes(),
		e.historyRoutes(),
		e.modelRoutes(),
		e.artifactRoutes(),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := apiPath(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		e.serve(w, r, path)
	})
}
