package launch_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/launch"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// TestStagesOfATrainJob makes the workloads of a job with initializers: each stage has its
// own, and only what trains is told where to report.
func TestStagesOfATrainJob(t *testing.T) {
	data, err := yaml.YAMLToJSON([]byte(
		"{apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, metadata: {name: j, namespace: ns}, spec: {runtimeRef: {name: torchtune-llama3.2-1b}, trainer: {command: [tune, run]}}}"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := trainjob.Parse(data, "ns", trainjob.Kept(trainjob.Stock()["torchtune-llama3.2-1b"].GetManifest()))
	if err != nil {
		t.Fatal(err)
	}
	for stage, want := range []struct{ name, group, url string }{
		{"j-abcdefgh-2", "dataset-initializer", ""},
		{"j-abcdefgh-s1-2", "model-initializer", ""},
		{"j-abcdefgh-s2-2", "node", "http://gate/apis/trainer.kubeflow.org/v1alpha1/namespaces/ns/trainjobs/j/status"},
	} {
		w := launch.Workload(j.Job, launch.Attempt{UID: "abcdefgh-1", Number: 2, Stage: int32(stage), Gateway: "http://gate/"})
		if got := w.GetMetadata().GetName(); got != want.name || launch.StageOf(w) != int32(stage) || launch.NumberOf(w) != 2 {
			t.Errorf("the workload of stage %d is %q, of stage %d of attempt %d; want %q", stage, got, launch.StageOf(w), launch.NumberOf(w), want.name)
		}
		groups := w.GetSpec().GetGroups()
		if len(groups) != 1 || groups[0].GetName() != want.group {
			t.Fatalf("stage %d has the groups %v; want %s", stage, groups, want.group)
		}
		url := ""
		for _, e := range groups[0].GetTemplate().GetEnv() {
			if e.GetName() == "KUBEFLOW_TRAINER_SERVER_URL" {
				url = e.GetValue()
			}
		}
		if url != want.url {
			t.Errorf("%s reports to %q; want %q", want.group, url, want.url)
		}
	}
}
