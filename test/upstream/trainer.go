package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	configapi "github.com/kubeflow/trainer/v2/pkg/apis/config/v1alpha1"
	trainer "github.com/kubeflow/trainer/v2/pkg/apis/trainer/v1alpha1"
	trainerruntime "github.com/kubeflow/trainer/v2/pkg/runtime"
	trainercore "github.com/kubeflow/trainer/v2/pkg/runtime/core"
	"github.com/kubeflow/trainer/v2/pkg/webhooks"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	jobset "sigs.k8s.io/jobset/api/jobset/v1alpha2"
	"sigs.k8s.io/yaml"
)

const trainerVersion = "trainer.kubeflow.org/v1alpha1 "

// trainerOperators are those of TrainJob and its runtimes, where the runtimes in a directory of manifests, and those in
// more, are there.
func trainerOperators(ctx context.Context, dir string, more []map[string]any) (map[string]operator, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{trainer.AddToScheme, clientscheme.AddToScheme, jobset.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	stock, err := runtimesIn(dir)
	if err != nil {
		return nil, err
	}
	for _, raw := range more {
		if raw["kind"] == "TrainingRuntime" {
			own, err := decoded[trainer.TrainingRuntime](raw)
			if err != nil {
				return nil, err
			}
			own.Namespace = "default"
			stock = append(stock, own)
		}
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(stock...).Build()
	runtimes, err := trainercore.New(ctx, c, noIndex{}, &configapi.Configuration{})
	if err != nil {
		return nil, err
	}
	return map[string]operator{
		trainerVersion + "TrainJob":               trainJob(ctx, runtimes),
		trainerVersion + "TrainingRuntime":        namespacedRuntime(ctx),
		trainerVersion + "ClusterTrainingRuntime": clusterRuntime(ctx),
	}, nil
}

// noIndex is for a client that searches by nothing.
type noIndex struct{}

func (noIndex) IndexField(context.Context, client.Object, string, client.IndexerFunc) error {
	return nil
}

// runtimesIn reads the cluster's runtimes in a tree of manifests.
func runtimesIn(dir string) ([]client.Object, error) {
	var all []client.Object
	return all, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range strings.Split(string(data), "\n---") {
			r := &trainer.ClusterTrainingRuntime{}
			if err := yaml.Unmarshal([]byte(document), r); err == nil && r.Kind == trainer.ClusterTrainingRuntimeKind {
				all = append(all, r)
			}
		}
		return nil
	})
}

func trainJob(ctx context.Context, runtimes map[string]trainerruntime.Runtime) operator {
	asked := 0
	return func(raw map[string]any) answer {
		job, err := decoded[trainer.TrainJob](raw)
		if err != nil {
			return answer{{text: err.Error()}}
		}
		job.Namespace = "default"
		key := trainerruntime.RuntimeRefToRuntimeRegistryKey(job.Spec.RuntimeRef)
		r, known := runtimes[key]
		if !known {
			return answer{{path: "spec.runtimeRef", text: "unsupported runtime: " + key}}
		}
		all := guard(false, func() answer {
			_, errs := r.ValidateObjects(ctx, nil, job)
			return of(errs, false)
		})
		if len(all) > 0 {
			return all
		}
		asked++
		job.Name = fmt.Sprint("job-", asked) // upstream keeps the runtime of each job that it has seen
		return guard(true, func() answer { return jobSetOf(ctx, r, job) })
	}
}

// jobSetOf says what is wrong with the pods of a TrainJob.
func jobSetOf(ctx context.Context, r trainerruntime.Runtime, job *trainer.TrainJob) answer {
	objects, err := r.NewObjects(ctx, job)
	if err != nil {
		return answer{{text: err.Error(), late: true}}
	}
	var all answer
	for _, object := range objects {
		made, err := decoded[jobset.JobSet](object)
		if err != nil {
			return answer{{text: err.Error(), late: true}}
		}
		if made.Kind != "JobSet" {
			continue
		}
		jobs := field.NewPath("runtime", "spec", "template", "spec").Child("replicatedJobs")
		all = append(all, of(labels(made.ObjectMeta, field.NewPath("runtime", "spec", "template", "metadata")), true)...)
		for i := range made.Spec.ReplicatedJobs {
			template := made.Spec.ReplicatedJobs[i].Template.Spec.Template
			share(&template, made.Spec)
			at := jobs.Index(i).Child("template", "spec", "template")
			all = append(all, of(labels(made.Spec.ReplicatedJobs[i].Template.ObjectMeta, jobs.Index(i).Child("template", "metadata")), true)...)
			all = append(all, pods(template, restartOf(template.Spec.RestartPolicy), at)...)
		}
	}
	return all
}

// restartOf is what a JobSet makes of a restart policy that is not there.
func restartOf(policy corev1.RestartPolicy) corev1.RestartPolicy {
	if policy == "" {
		return corev1.RestartPolicyOnFailure
	}
	return policy
}

func namespacedRuntime(ctx context.Context) operator {
	return func(raw map[string]any) answer {
		r, err := decoded[trainer.TrainingRuntime](raw)
		if err != nil {
			return answer{{text: err.Error()}}
		}
		all := guard(false, func() answer {
			_, err := (&webhooks.TrainingRuntimeValidator{}).ValidateCreate(ctx, r)
			return aggregate(err)
		})
		if len(all) > 0 {
			return all
		}
		return templates(r.Spec.Template)
	}
}

func clusterRuntime(ctx context.Context) operator {
	return func(raw map[string]any) answer {
		r, err := decoded[trainer.ClusterTrainingRuntime](raw)
		if err != nil {
			return answer{{text: err.Error()}}
		}
		all := guard(false, func() answer {
			_, err := (&webhooks.ClusterTrainingRuntimeValidator{}).ValidateCreate(ctx, r)
			return aggregate(err)
		})
		if len(all) > 0 {
			return all
		}
		return templates(r.Spec.Template)
	}
}

// templates says what is wrong with the pods that a runtime describes.
func templates(set trainer.JobSetTemplateSpec) answer {
	return guard(true, func() answer {
		all := of(labels(set.ObjectMeta, field.NewPath("spec", "template", "metadata")), true)
		all = append(all, claims(set.Spec, field.NewPath("spec", "template", "spec"))...)
		for i := range set.Spec.ReplicatedJobs {
			template := set.Spec.ReplicatedJobs[i].Template.Spec.Template
			share(&template, set.Spec)
			for n := range template.Spec.Containers { // a job may say the image
				template.Spec.Containers[n].Image = cmp.Or(template.Spec.Containers[n].Image, "the job's")
			}
			at := field.NewPath("spec", "template", "spec").Child("replicatedJobs").Index(i).Child("template", "spec", "template")
			all = append(all, pods(template, restartOf(template.Spec.RestartPolicy), at)...)
		}
		return all
	})
}
