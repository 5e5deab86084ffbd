package trainjob_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// sharing is a runtime that has two volumes made for a job: data, which stays, and scratch.
const sharing = `
apiVersion: trainer.kubeflow.org/v1alpha1
kind: ClusterTrainingRuntime
metadata: {name: sharing}
spec:
  template:
    spec:
      volumeClaimPolicies:
      - templates: [{metadata: {name: scratch, labels: {team: a}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
      - templates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteMany], storageClassName: fast, resources: {requests: {storage: 2Gi}}}}]
        retentionPolicy: {whenDeleted: Retain}
      replicatedJobs:
      - name: node
        template:
          metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}
          spec:
            template:
              spec:
                initContainers: [{name: fetch, image: a, volumeMounts: [{name: scratch, mountPath: /s}]}]
                containers: [{name: node, image: a, volumeMounts: [{name: data, mountPath: /d}]}]
`

// shared reads a job of a runtime.
func shared(t *testing.T, runtime, metadata string) (*trainjob.Job, error) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(runtime))
	if err != nil {
		t.Fatal(err)
	}
	job := fmt.Sprintf(`{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"TrainJob","metadata":{%s},"spec":{"runtimeRef":{"name":"sharing"}}}`, metadata)
	return trainjob.Parse([]byte(job), "ns", trainjob.Kept(string(data)))
}

func TestClaims(t *testing.T) {
	j, err := shared(t, sharing, `"name":"j"`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range j.Spec().GetClaims() {
		got = append(got, fmt.Sprintf("%s %v %d %v '%s' %t", c.GetName(), c.GetLabels(), c.GetSizeBytes(), c.GetAccessModes(), c.GetStorageClass(), c.GetRetained()))
	}
	want := []string{"scratch-j map[team:a] 1073741824 [ReadWriteOnce] '' false", "data-j map[] 2147483648 [ReadWriteMany] 'fast' true"}
	if !slices.Equal(got, want) {
		t.Errorf("made for the job are %q; want %q", got, want)
	}
}

// TestClaimsOfAJobWithoutName has their names follow from the one that is made for the job.
func TestClaimsOfAJobWithoutName(t *testing.T) {
	j, err := shared(t, sharing, `"generateName":"j-"`)
	if err != nil {
		t.Fatal(err)
	}
	j.Name = "j-bcdfg"
	if got := j.ClaimNames(); len(got) != 2 || got["scratch"] != "scratch-j-bcdfg" || j.Spec().GetClaims()[1].GetName() != "data-j-bcdfg" {
		t.Errorf("they are %v", got)
	}
}

func TestWhatIsWrongWithClaims(t *testing.T) {
	const at = "spec.template.spec.volumeClaimPolicies[0]"
	for name, c := range map[string]struct{ old, now, field, reason string }{
		"nothing":      {"a", "a", "", ""},
		"name twice":   {"name: data}, spec", "name: scratch}, spec", "spec.template.spec.volumeClaimPolicies[1].templates[0].metadata.name", "Duplicate value"},
		"no name":      {"name: scratch, labels", "labels", at + ".templates[0].metadata.name", "Required value"},
		"odd name":     {"name: scratch, labels", "name: Scratch, labels", at + ".templates[0].metadata.name", "lower case"},
		"namespace":    {"name: scratch, labels", "name: scratch, namespace: a, labels", at + ".templates[0].metadata.namespace", "Forbidden"},
		"no mode":      {"accessModes: [ReadWriteOnce], ", "", at + ".templates[0].spec.accessModes", "Required value"},
		"odd mode":     {"[ReadWriteOnce]", "[ReadWrite]", at + ".templates[0].spec.accessModes[0]", "Unsupported value"},
		"block device": {"accessModes: [ReadWriteOnce]", "volumeMode: Block, accessModes: [ReadWriteOnce]", at + ".templates[0].spec.volumeMode", "Unsupported value"},
		"source":       {"accessModes: [ReadWriteOnce]", "dataSource: {kind: PersistentVolumeClaim, name: a}, accessModes: [ReadWriteOnce]", at + ".templates[0].spec.dataSource", "begin empty"},
		"no size":      {"requests: {storage: 1Gi}", "requests: {}", at + ".templates[0].spec.resources[storage]", "Required value"},
		"size of 0":    {"storage: 1Gi", "storage: 0", at + ".templates[0].spec.resources[storage]", "above 0"},
		"odd size":     {"storage: 1Gi", "storage: much", at + ".templates[0].spec.resources.requests[storage]", "must be a size"},
		"retention":    {"whenDeleted: Retain", "whenDeleted: Never", "spec.template.spec.volumeClaimPolicies[1].retentionPolicy.whenDeleted", "Unsupported value"},
		"not mounted":  {"{name: data, mountPath", "{name: scratch, mountPath", "spec.template.spec.replicatedJobs", "no container mounts"},
		"not the one": {
			"initContainers:", "volumes: [{name: data, emptyDir: {}}]\n                initContainers:",
			"spec.template.spec.replicatedJobs[0].template.spec.template.spec.volumes[0].name", "made for the job",
		},
	} {
		data, err := yaml.YAMLToJSON([]byte(strings.Replace(sharing, c.old, c.now, 1)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := trainjob.ParseRuntime(data, "")
		if c.field == "" {
			if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "storageClassName has no effect") {
				t.Errorf("%s: %v; warnings %v", name, err, r)
			}
			continue
		}
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || !slices.ContainsFunc(e.Violations, func(v fault.Violation) bool { return v.Field == c.field && strings.Contains(v.Reason, c.reason) }) {
			t.Errorf("%s: got %v, want %s: %s", name, err, c.field, c.reason)
		}
	}
}

func TestALongNameLeavesNoRoomForClaims(t *testing.T) {
	for metadata, want := range map[string]string{
		`"name":"` + strings.Repeat("j", 55) + `"`:         "",
		`"name":"` + strings.Repeat("j", 56) + `"`:         "metadata.name",
		`"generateName":"` + strings.Repeat("j", 51) + `"`: "metadata.generateName",
	} {
		_, err := shared(t, sharing, metadata)
		e, _ := errors.AsType[*fault.Error](err)
		if (err == nil) != (want == "") || want != "" && e.Violations[0].Field != want {
			t.Errorf("%s: %v, want %q", metadata, err, want)
		}
	}
}
