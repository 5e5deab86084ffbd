package launch_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/launch"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// TestStagesOfATrainJob makes the workloads of a job with initializers: each stage has its
// own, all mount the volume that is made for the job, and only what trains is told where to
// report.
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
	for stage, want := range []struct{ name, groups, url string }{
		{"j-abcdefgh-2", "dataset-initializer model-initializer", ""},
		{"j-abcdefgh-s1-2", "node", "http://gate/apis/trainer.kubeflow.org/v1alpha1/namespaces/ns/trainjobs/j/status"},
	} {
		w := launch.Workload(j.Job, launch.Attempt{UID: "abcdefgh-1", Number: 2, Stage: int32(stage), Gateway: "http://gate/"})
		if got := w.GetMetadata().GetName(); got != want.name || launch.StageOf(w) != int32(stage) || launch.NumberOf(w) != 2 {
			t.Errorf("the workload of stage %d is %q, of stage %d of attempt %d; want %q", stage, got, launch.StageOf(w), launch.NumberOf(w), want.name)
		}
		var groups []string
		for _, group := range w.GetSpec().GetGroups() {
			groups = append(groups, group.GetName())
			if v := group.GetTemplate().GetVolumes(); len(v) != 1 || v[0].GetClaim() != "initializer-j" {
				t.Errorf("%s has the volumes %v; want the claim initializer-j", group.GetName(), v)
			}
			url := ""
			for _, e := range group.GetTemplate().GetEnv() {
				if e.GetName() == "KUBEFLOW_TRAINER_SERVER_URL" {
					url = e.GetValue()
				}
			}
			if url != want.url {
				t.Errorf("%s reports to %q; want %q", group.GetName(), url, want.url)
			}
		}
		if got := strings.Join(groups, " "); got != want.groups {
			t.Errorf("stage %d has the groups %s; want %s", stage, got, want.groups)
		}
	}
}
