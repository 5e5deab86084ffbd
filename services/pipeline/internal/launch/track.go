package launch

import (
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Tracking is what a task knows of experiment tracking.
type Tracking struct {
	URI        string // of the server; empty when there is none
	Experiment string // id of the tracked experiment
}

// defaultNamespace is the one that needs not be named as a workspace.
const defaultNamespace = "default"

// track tells a step which tracked run it is, in the variables that MLflow's
// clients read. What the component sets itself stays. It is no part of what a
// cache key is made of.
func (l *Launch) track(req Request) {
	tracking := req.Run.Tracking
	if tracking.URI == "" {
		return
	}
	l.offer("MLFLOW_TRACKING_URI", tracking.URI)
	l.offer("MLFLOW_EXPERIMENT_ID", tracking.Experiment)
	l.offer("MLFLOW_RUN_ID", trackid.Task(req.Task.ID))
	if req.Run.Namespace != defaultNamespace {
		l.offer("MLFLOW_WORKSPACE", req.Run.Namespace)
	}
}

// offer sets a variable that is not set.
func (l *Launch) offer(name, value string) {
	set := slices.ContainsFunc(l.Env, func(v ir.EnvVar) bool { return v.Name == name }) ||
		slices.ContainsFunc(l.Pod.Env, func(v *gpuagentv1.EnvVar) bool { return v.GetName() == name })
	if !set {
		l.Env = append(l.Env, ir.EnvVar{Name: name, Value: value})
	}
}
