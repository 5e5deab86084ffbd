package launch

import (
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// defaultNamespace is the one that needs not be named as a workspace.
const defaultNamespace = "default"

// tracking begins the names of variables that MLflow's clients read.
const tracking = "MLFLOW_"

// track tells a replica which tracked run its job is, in the variables that MLflow's clients
// read. A replica that is told where to track by its manifest, or may be by what its
// variables come from as a whole, is told nothing.
func track(t *gpuagentv1.Template, namespace string, a Attempt) {
	for _, v := range t.GetEnv() {
		if strings.HasPrefix(v.GetName(), tracking) {
			return
		}
	}
	if len(t.GetEnvFrom()) > 0 {
		return
	}
	t.Env = append(t.Env,
		&gpuagentv1.EnvVar{Name: "MLFLOW_TRACKING_URI", Value: pod.Escape(strings.TrimSuffix(a.Gateway, "/"))},
		&gpuagentv1.EnvVar{Name: "MLFLOW_EXPERIMENT_ID", Value: trackid.DefaultExperiment},
		&gpuagentv1.EnvVar{Name: "MLFLOW_RUN_ID", Value: trackid.Run(a.UID)},
	)
	if namespace != defaultNamespace {
		t.Env = append(t.Env, &gpuagentv1.EnvVar{Name: "MLFLOW_WORKSPACE", Value: namespace})
	}
}
