package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	mpi "github.com/kubeflow/mpi-operator/pkg/apis/kubeflow/v2beta1"
	mpivalidation "github.com/kubeflow/mpi-operator/pkg/apis/kubeflow/validation"
	training "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	"github.com/kubeflow/training-operator/pkg/webhooks/jax"
	paddle "github.com/kubeflow/training-operator/pkg/webhooks/paddlepaddle"
	"github.com/kubeflow/training-operator/pkg/webhooks/pytorch"
	tensorflow "github.com/kubeflow/training-operator/pkg/webhooks/tensorflow"
	"github.com/kubeflow/training-operator/pkg/webhooks/xgboost"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// operator says what an operator has against an object that its definition has admitted.
type operator func(object map[string]any) answer

// webhook is the check that the training operator registers for a kind.
type webhook interface {
	ValidateCreate(ctx context.Context, object runtime.Object) (admission.Warnings, error)
}

type replicaSpecs = map[training.ReplicaType]*training.ReplicaSpec

// operators are those of all kinds but TrainJob and its runtimes, by "apiVersion kind".
func operators() map[string]operator {
	const v1 = "kubeflow.org/v1 "
	return map[string]operator{
		v1 + "TFJob": v1Kind(&tensorflow.Webhook{}, training.SetDefaults_TFJob, "tfReplicaSpecs",
			func(j *training.TFJob) replicaSpecs { return j.Spec.TFReplicaSpecs }),
		v1 + "PyTorchJob": v1Kind(&pytorch.Webhook{}, training.SetDefaults_PyTorchJob, "pytorchReplicaSpecs",
			func(j *training.PyTorchJob) replicaSpecs { return j.Spec.PyTorchReplicaSpecs }),
		v1 + "XGBoostJob": v1Kind(&xgboost.Webhook{}, training.SetDefaults_XGBoostJob, "xgbReplicaSpecs",
			func(j *training.XGBoostJob) replicaSpecs { return j.Spec.XGBReplicaSpecs }),
		v1 + "PaddleJob": v1Kind(paddle.Webhook{}, training.SetDefaults_PaddleJob, "paddleReplicaSpecs",
			func(j *training.PaddleJob) replicaSpecs { return j.Spec.PaddleReplicaSpecs }),
		v1 + "JAXJob": v1Kind(&jax.Webhook{}, training.SetDefaults_JAXJob, "jaxReplicaSpecs",
			func(j *training.JAXJob) replicaSpecs { return j.Spec.JAXReplicaSpecs }),
		v1 + "MPIJob":                 mpiV1,
		"kubeflow.org/v2beta1 MPIJob": mpiV2,
	}
}

// v1Kind is the operator of a kind with a webhook. The webhook sees the manifest before the operator's defaults.
func v1Kind[T any](check webhook, defaults func(*T), field string, specs func(*T) replicaSpecs) operator {
	return func(raw map[string]any) answer {
		job, err := decoded[T](raw)
		if err != nil {
			return answer{{text: err.Error()}}
		}
		all := guard(false, func() answer {
			_, err := check.ValidateCreate(context.Background(), any(job).(runtime.Object))
			return aggregate(err)
		})
		if len(all) > 0 {
			return all
		}
		return guard(true, func() answer {
			defaults(job)
			return replicas(field, specs(job))
		})
	}
}

func replicas(field string, specs replicaSpecs) answer {
	var all answer
	for _, t := range slices.Sorted(maps.Keys(specs)) {
		at := replicaPath(field, string(t))
		found := pods(specs[t].Template, corev1.RestartPolicy(specs[t].RestartPolicy), at.Child("template"))
		all = append(all, restartsOf(found, at.String())...)
	}
	return all
}

// restartsOf moves complaints about a pod's restart policy, which is the replica's, to where the manifest has it.
func restartsOf(all answer, at string) answer {
	for i := range all {
		if strings.HasSuffix(all[i].path, "template.spec.restartPolicy") {
			all[i].path = dotted(at + ".restartPolicy")
		}
	}
	return all
}

// mpiV1 has no webhook: its operator makes no pods of what is wrong.
func mpiV1(raw map[string]any) answer {
	job, err := decoded[training.MPIJob](raw)
	if err != nil {
		return answer{{text: err.Error()}}
	}
	return guard(true, func() answer {
		training.SetDefaults_MPIJob(job)
		if err := training.ValidateV1MpiJobSpec(&job.Spec); err != nil {
			return answer{{text: err.Error(), late: true}}
		}
		return replicas("mpiReplicaSpecs", job.Spec.MPIReplicaSpecs)
	})
}

// mpiV2 has none either, and says by events what is wrong.
func mpiV2(raw map[string]any) answer {
	job, err := decoded[mpi.MPIJob](raw)
	if err != nil {
		return answer{{text: err.Error()}}
	}
	return guard(true, func() answer {
		mpi.SetDefaults_MPIJob(job)
		if errs := mpivalidation.ValidateMPIJob(job); len(errs) > 0 {
			return of(errs, true)
		}
		var all answer
		for _, t := range slices.Sorted(maps.Keys(job.Spec.MPIReplicaSpecs)) {
			if t != mpi.MPIReplicaTypeLauncher && t != mpi.MPIReplicaTypeWorker {
				continue
			}
			r, at := job.Spec.MPIReplicaSpecs[t], replicaPath("mpiReplicaSpecs", string(t))
			all = append(all, restartsOf(pods(r.Template, corev1.RestartPolicy(r.RestartPolicy), at.Child("template")), at.String())...)
		}
		return all
	})
}
