package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
)

// pods says what Kubernetes has against pods of a template at a path of a manifest. restart is what an operator makes of
// its own restart policy.
func pods(template corev1.PodTemplateSpec, restart corev1.RestartPolicy, path *field.Path) answer {
	template = *template.DeepCopy()
	template.Spec.RestartPolicy = restart
	if template.Spec.RestartPolicy == "ExitCode" {
		template.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	whole := &corev1.PodTemplate{Template: template}
	defaults.SetObjectDefaults_PodTemplate(whole)
	internal := &core.PodTemplateSpec{}
	if err := defaults.Convert_v1_PodTemplateSpec_To_core_PodTemplateSpec(&whole.Template, internal, nil); err != nil {
		return answer{{path: dotted(path.String()), text: err.Error(), late: true}}
	}
	options := pod.GetValidationOptionsFromPodTemplate(internal, nil)
	// A pod has its labels and annotations below metadata; a template's checks know no better.
	internal.Labels, internal.Annotations = nil, nil
	all := of(validation.ValidatePodTemplateSpec(internal, path, options), true)
	meta := path.Child("metadata")
	all = append(all, of(labels(template.ObjectMeta, meta), true)...)
	return all
}

func labels(meta metav1.ObjectMeta, path *field.Path) field.ErrorList {
	object := &metav1.ObjectMeta{Name: "a", Namespace: "a", Labels: meta.Labels, Annotations: meta.Annotations}
	return validation.ValidateObjectMeta(object, true, func(string, bool) []string { return nil }, path)
}

// replicaPath is the path of a replica spec.
func replicaPath(specs, replica string) *field.Path {
	return field.NewPath("spec").Child(specs).Key(replica)
}

// metadata says what an API server has against the metadata of an object.
func metadata(raw any, scoped bool) answer {
	meta, err := decoded[metav1.ObjectMeta](raw)
	if err != nil {
		return answer{{text: err.Error()}}
	}
	if meta.Namespace == "" && scoped {
		meta.Namespace = "default"
	}
	if meta.Name == "" && meta.GenerateName == "" {
		return answer{{path: "metadata.name", text: "name or generateName is required"}}
	}
	if meta.Name == "" {
		meta.Name = meta.GenerateName + "xxxxx"
	}
	subdomain := func(name string, prefix bool) []string { return validation.ValidatePodName(name, prefix) }
	return of(validation.ValidateObjectMeta(meta, scoped, subdomain, field.NewPath("metadata")), false)
}

func indexed(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }
