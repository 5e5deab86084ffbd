package main

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/core"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	jobset "sigs.k8s.io/jobset/api/jobset/v1alpha2"
)

// claims says what Kubernetes has against the volumes that a JobSet's controller would make, where the set's
// specification is at a path.
func claims(set jobset.JobSetSpec, at *field.Path) answer {
	var all answer
	for i, policy := range set.VolumeClaimPolicies {
		for n, template := range policy.Templates {
			path := at.Child("volumeClaimPolicies").Index(i).Child("templates").Index(n)
			claim := &corev1.PersistentVolumeClaim{Spec: *template.Spec.DeepCopy()}
			defaults.SetObjectDefaults_PersistentVolumeClaim(claim)
			internal := &core.PersistentVolumeClaim{}
			if err := defaults.Convert_v1_PersistentVolumeClaim_To_core_PersistentVolumeClaim(claim, internal, nil); err != nil {
				return answer{{path: dotted(path.String()), text: err.Error(), late: true}}
			}
			options := validation.ValidationOptionsForPersistentVolumeClaim(internal, nil)
			all = append(all, of(validation.ValidatePersistentVolumeClaimSpec(&internal.Spec, path.Child("spec"), options), true)...)
			all = append(all, of(labels(template.ObjectMeta, path.Child("metadata")), true)...)
		}
	}
	return all
}

// share gives a pod template the volumes that a JobSet's controller makes, if it mounts them.
func share(template *corev1.PodTemplateSpec, set jobset.JobSetSpec) {
	for _, policy := range set.VolumeClaimPolicies {
		for _, claim := range policy.Templates {
			if mounts(template.Spec.InitContainers, claim.Name) || mounts(template.Spec.Containers, claim.Name) {
				source := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-job"}}
				template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: source})
			}
		}
	}
}

func mounts(containers []corev1.Container, volume string) bool {
	for _, c := range containers {
		for _, m := range c.VolumeMounts {
			if m.Name == volume {
				return true
			}
		}
	}
	return false
}
