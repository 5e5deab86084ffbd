// Package trainjob reads what Kubeflow Trainer has: TrainJobs, and the runtimes that
// they are made of.
//
// A TrainJob says little: which runtime, how many nodes, what to run. Its runtime is a
// template of jobs, one of which trains; others may prepare data before. A job is read
// in four steps, each a function of the one before: what the manifest leaves out is
// filled in; what it says of its trainer and initializers, and its patches in all their
// three spellings, are laid over the runtime's template; that is read into types; and
// checked. It comes down to the same job that all other kinds do: one group of replicas
// for each replicated job, with a stage for what has to wait for another's end.
//
// A runtime is read when it is stored, so that what is wrong with it is said to whoever
// wrote it, and again for every job. A job keeps the runtime that it was made of.
//
// The package is pure.
package trainjob

import (
	"encoding/json"
	"fmt"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// Ref names a runtime. The namespace is empty for a ClusterTrainingRuntime.
type Ref struct{ Kind, Namespace, Name string }

// Finder returns the manifest of a runtime; a fault.NotFound when there is none.
type Finder func(Ref) (string, error)

// Is reports whether a manifest is that of a TrainJob.
func Is(manifest []byte) bool {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	err := json.Unmarshal(manifest, &head)
	return err == nil && head.APIVersion == kind.TrainerVersion && head.Kind == kind.TrainJobName
}

// Job is a TrainJob that was read.
type Job struct {
	*kind.Job
	Runtime string // the manifest of its runtime
}

// Parse reads a TrainJob in a namespace, which counts when the manifest names none. The
// error is a fault.Invalid with everything that is wrong.
func Parse(manifest []byte, namespace string, find Finder) (*Job, error) {
	object, err := kind.Object(manifest)
	if err != nil {
		return nil, err
	}
	p := &field.Problems{}
	var h kind.Head
	decode.Into(object, &h, "", p)
	fill(object)
	s := &spec{}
	decode.Into(object["spec"], s, "spec", p)
	kind.CheckName(h.Metadata.Name, h.Metadata.GenerateName, p)
	p.Labels("metadata.labels", h.Metadata.Labels)
	p.Annotations("metadata.annotations", h.Metadata.Annotations)
	s.check(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if h.Metadata.Namespace != "" {
		namespace = h.Metadata.Namespace
	}
	ref := s.RuntimeRef.in(namespace)
	runtime, err := find(ref)
	if fault.Is(err, fault.NotFound) && ref == (Ref{Kind: clusterKind, Name: fluxRuntime}) {
		p.Invalid("spec.runtimeRef", ref.Name, fluxRefused)
		return nil, p.Err()
	}
	if fault.Is(err, fault.NotFound) {
		p.Invalid("spec.runtimeRef", ref.Name, fmt.Sprintf("specified %s must be created before the TrainJob is created; there is none of this name", ref.Kind))
		return nil, p.Err()
	}
	if err != nil {
		return nil, err
	}
	b := &builder{spec: s, problems: p, job: &kind.Job{
		Name: h.Metadata.Name, GenerateName: h.Metadata.GenerateName, Namespace: h.Metadata.Namespace,
		Labels: h.Metadata.Labels, Annotations: h.Metadata.Annotations, ManagedFields: h.Metadata.Owners(),
	}}
	if err := b.build(runtime, object); err != nil {
		return nil, err
	}
	b.job.Warnings = p.Warnings()
	b.job.Manifest, err = kind.Render(kind.TrainJobName, object)
	return &Job{Job: b.job, Runtime: runtime}, err
}

// fill fills in what a manifest leaves out.
func fill(object map[string]any) {
	s, ok := object["spec"].(map[string]any)
	if !ok {
		return
	}
	if ref, ok := s["runtimeRef"].(map[string]any); ok {
		setDefault(ref, "apiGroup", group)
		setDefault(ref, "kind", clusterKind)
	}
	setDefault(s, "suspend", false)
	setDefault(s, "managedBy", managedByTrainer)
}

func setDefault(of map[string]any, name string, value any) {
	if of[name] == nil {
		of[name] = value
	}
}
