package launch

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestReplicasAreToldOfTheirTrackedRun(t *testing.T) {
	const uid = "0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"
	own := &gpuagentv1.EnvVar{Name: "MLFLOW_TRACKING_URI", Value: "http://elsewhere"}
	for name, try := range map[string]struct {
		template  *gpuagentv1.Template
		namespace string
		want      map[string]string
	}{
		"told": {&gpuagentv1.Template{Env: []*gpuagentv1.EnvVar{{Name: "OTHER"}}}, "default", map[string]string{
			"OTHER": "", "MLFLOW_TRACKING_URI": "http://h:1", "MLFLOW_EXPERIMENT_ID": "0", "MLFLOW_RUN_ID": "0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f",
		}},
		"of a namespace": {&gpuagentv1.Template{}, "team", map[string]string{
			"MLFLOW_TRACKING_URI": "http://h:1", "MLFLOW_EXPERIMENT_ID": "0", "MLFLOW_RUN_ID": "0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f", "MLFLOW_WORKSPACE": "team",
		}},
		"tracks elsewhere": {&gpuagentv1.Template{Env: []*gpuagentv1.EnvVar{own}}, "default", map[string]string{"MLFLOW_TRACKING_URI": "http://elsewhere"}},
		"may track elsewhere": {
			&gpuagentv1.Template{EnvFrom: []*gpuagentv1.EnvFrom{{Source: &gpuagentv1.EnvFrom_Secret{Secret: "s"}}}}, "default", map[string]string{},
		},
	} {
		track(try.template, try.namespace, Attempt{UID: uid, Gateway: "http://h:1/"})
		got := map[string]string{}
		for _, v := range try.template.GetEnv() {
			got[v.GetName()] = v.GetValue()
		}
		if len(got) != len(try.want) {
			t.Errorf("%s: %v, want %v", name, got, try.want)
		}
		for variable, value := range try.want {
			if got[variable] != value {
				t.Errorf("%s: %s is %q, want %q", name, variable, got[variable], value)
			}
		}
	}
}
