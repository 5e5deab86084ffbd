package api

import (
	"fmt"
	"strings"
	"testing"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// service is the service of jobs over a store in memory.
func service() *jobs {
	s := state.New(store.NewMemory())
	return &jobs{state: s, runtimes: &runtimes{state: s, stock: trainjob.Stock()}}
}

// manifest is a job with something more in its metadata, and of a number of workers.
func manifest(metadata string, workers int) string {
	const template = `{"spec": {"containers": [{"name": "jax", "image": "x", "command": ["true"]}]}}`
	return fmt.Sprintf(`{"apiVersion": "kubeflow.org/v1", "kind": "JAXJob", "metadata": {"name": "a"%s},
		"spec": {"runPolicy": {"suspend": true}, "jaxReplicaSpecs": {"Worker": {"replicas": %d, "template": %s}}}}`, metadata, workers, template)
}

func TestGenerationCountsChangesOfTheSpecAlone(t *testing.T) {
	t.Parallel()
	s := service()
	if _, err := s.CreateTrainingJob(t.Context(), &trainingv1.CreateTrainingJobRequest{Manifest: manifest("", 1)}); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		manifest string
		want     int64
	}{
		{manifest("", 1), 1},
		{manifest(`, "namespace": "default"`, 1), 1},
		{manifest(`, "labels": {"l": "v"}, "annotations": {"a": "v"}`, 1), 1},
		{manifest("", 2), 2},
		{manifest(`, "labels": {"l": "v"}`, 1), 3},
	} {
		job, err := s.UpdateTrainingJob(t.Context(), &trainingv1.UpdateTrainingJobRequest{Name: "a", Manifest: step.manifest})
		if err != nil {
			t.Fatal(err)
		}
		if got := job.GetMetadata().GetGeneration(); got != step.want {
			t.Errorf("%d: generation %d, want %d", i, got, step.want)
		}
	}
}

// TestForeignPageTokensAreRefused: an empty page would say that there are no jobs.
func TestForeignPageTokensAreRefused(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"zzz", "?", "bm90IGEga2V5"} {
		for _, newest := range []bool{false, true} {
			_, err := service().ListTrainingJobs(t.Context(), &trainingv1.ListTrainingJobsRequest{PageToken: token, NewestFirst: newest})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: got %v", token, err)
			}
		}
	}
}

// TestNamespacesHaveNamesOfTheirs: they are part of keys, of paths and of the names of hosts.
func TestNamespacesHaveNamesOfTheirs(t *testing.T) {
	t.Parallel()
	const runtime = `{"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainingRuntime", "metadata": {"name": "r"}, "spec": {"template": {"spec": {"replicatedJobs": [{
		"name": "node", "template": {"metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}, "spec": {"template": {"spec": {"containers": [{"name": "node", "image": "x"}]}}}}}]}}}}`
	s := service()
	for namespace, good := range map[string]bool{"team-a": true, "": true, "a/b": false, "../x": false, "A": false, "a b": false, "a.b": false, strings.Repeat("a", 64): false} {
		_, err := s.CreateTrainingJob(t.Context(), &trainingv1.CreateTrainingJobRequest{Namespace: namespace, Manifest: manifest("", 1), DryRun: true})
		if good != (err == nil) || !good && !fault.Is(err, fault.Invalid) {
			t.Errorf("job in %q: got %v", namespace, err)
		}
		if namespace == "" {
			continue
		}
		_, err = s.runtimes.CreateTrainingRuntime(t.Context(), &trainingv1.CreateTrainingRuntimeRequest{Namespace: namespace, Manifest: runtime, DryRun: true})
		if good != (err == nil) || !good && !fault.Is(err, fault.Invalid) {
			t.Errorf("runtime in %q: got %v", namespace, err)
		}
	}
}
