package trainjob

import (
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// Stored reads a job of any kind as it was stored: a TrainJob with the runtime that it
// keeps.
func Stored(job *trainingv1.TrainingJob) (*kind.Job, error) {
	manifest := []byte(job.GetManifest())
	if !Is(manifest) {
		return kind.Parse(manifest)
	}
	parsed, err := Parse(manifest, job.GetMetadata().GetNamespace(), Kept(job.GetRuntime()))
	if err != nil {
		return nil, err
	}
	return parsed.Job, nil
}

// Kept finds the one runtime that a job keeps, whatever became of it elsewhere.
func Kept(runtime string) Finder {
	return func(Ref) (string, error) { return runtime, nil }
}

// RefOf is the runtime that a stored TrainJob names.
func RefOf(job *trainingv1.TrainingJob) Ref {
	object, err := kind.Object([]byte(job.GetManifest()))
	if err != nil {
		return Ref{}
	}
	ref := &runtimeRef{}
	decode.Into(any(dig(object, "spec", "runtimeRef")), ref, "spec.runtimeRef", &field.Problems{})
	return ref.in(job.GetMetadata().GetNamespace())
}
