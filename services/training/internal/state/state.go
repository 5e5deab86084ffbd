// Package state owns the training service's part of the store.
//
// Keys, all under /kfmesh/training/:
//
//	jobs/<namespace>/<kind>/<name>   TrainingJob, from its creation to its deletion; a stub once it is archived
//	condemned/<uid>                  CondemnedJob, until what is elsewhere of a deleted job is removed
//	runtimes/<namespace>/<name>      TrainingRuntime of a user; of no namespace under "_cluster"
package state

import (
	"strings"
	"unicode/utf8"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/trackid"
)

const prefix = "/kfmesh/training/"

// DefaultNamespace is that of jobs that name none.
const DefaultNamespace = "default"

// ByUID is the index of the Jobs cache that finds a job by its uid.
const ByUID = "uid"

// MaxManifestBytes is the largest manifest that is accepted: the job is one value of
// the store, with its status, and so is the workload made of it.
const MaxManifestBytes = 96 << 10

// State is the training service's collections.
type State struct {
	Backend store.Backend
	Jobs    *store.Collection[*trainingv1.TrainingJob]
	// Condemned are jobs that were deleted after their end, or that had volumes.
	Condemned *store.Collection[*trainingv1.CondemnedJob]
	// Runtimes are those that users have made; the built-in ones are stored nowhere.
	Runtimes *store.Collection[*trainingv1.TrainingRuntime]
}

// New returns the collections on a backend.
func New(b store.Backend) *State {
	return &State{
		Backend:   b,
		Condemned: store.NewCollection[*trainingv1.CondemnedJob](b, prefix+"condemned/"),
		Jobs:      store.NewCollection[*trainingv1.TrainingJob](b, prefix+"jobs/"),
		Runtimes:  store.NewCollection[*trainingv1.TrainingRuntime](b, prefix+"runtimes/"),
	}
}

// Key is the key of a job in Jobs.
func Key(namespace, kind, name string) string { return namespace + "/" + kind + "/" + name }

// IsKey reports whether a text may be the key of a job.
func IsKey(text string) bool { return utf8.ValidString(text) && strings.Count(text, "/") == 2 }

// KeyOf is the key of a job.
func KeyOf(job *trainingv1.TrainingJob) string {
	return Key(job.GetMetadata().GetNamespace(), job.GetKind(), job.GetMetadata().GetName())
}

// Indexes are those of the Jobs cache.
func Indexes() map[string]store.Index[*trainingv1.TrainingJob] {
	return map[string]store.Index[*trainingv1.TrainingJob]{
		ByUID: func(_ string, job *trainingv1.TrainingJob) []string { return []string{job.GetMetadata().GetUid()} },
	}
}

// Stamped is a job as it is shown: with the revision at which it last changed, which one
// that is archived knows itself. The item's value is the caller's to change.
func Stamped(item store.Item[*trainingv1.TrainingJob]) *trainingv1.TrainingJob {
	if !item.Value.GetArchived() {
		item.Value.Metadata.ResourceVersion = item.Revision
		item.Value.TrackingRun = trackid.Run(item.Value.GetMetadata().GetUid())
	}
	return item.Value
}

// Removal is the operations that delete a job as it is stored. What there is elsewhere of one
// that has ended, or has volumes, is condemned with it.
func (s *State) Removal(item store.Item[*trainingv1.TrainingJob]) []store.Op {
	ops := []store.Op{s.Jobs.DeleteOp(item.Key, item.Revision)}
	volumes := owned(item.Value)
	if item.Value.GetStatus().GetCompletionTime() != nil || len(volumes) > 0 {
		m := item.Value.GetMetadata()
		condemned := &trainingv1.CondemnedJob{Namespace: m.GetNamespace(), Uid: m.GetUid(), Volumes: volumes}
		ops = append(ops, s.Condemned.UpdateOp(m.GetUid(), condemned, store.AnyRevision))
	}
	return ops
}

// owned are the volumes that go with a job.
func owned(job *trainingv1.TrainingJob) []string {
	var names []string
	for _, c := range job.GetSpec().GetClaims() {
		if !c.GetRetained() {
			names = append(names, c.GetName())
		}
	}
	return names
}

// ErrNotFound says that there is no such job.
func ErrNotFound(namespace, kind, name string) error {
	return fault.NotFoundf("there is no %s %q in namespace %s", kind, name, namespace).WithReason("JOB_NOT_FOUND")
}

// cluster stands in keys for no namespace. It is none that can be.
const cluster = "_cluster"

// RuntimeKey is the key of a runtime in Runtimes.
func RuntimeKey(namespace, name string) string { return RuntimePrefix(namespace, true) + name }

// RuntimePrefix is what the keys of all runtimes of a namespace, or of those of none,
// begin with.
func RuntimePrefix(namespace string, ofCluster bool) string {
	switch {
	case namespace != "":
		return namespace + "/"
	case ofCluster:
		return cluster + "/"
	}
	return ""
}

// ErrNoRuntime says that there is no such runtime.
func ErrNoRuntime(namespace, name string) error {
	if namespace == "" {
		return fault.NotFoundf("there is no ClusterTrainingRuntime %q", name).WithReason("RUNTIME_NOT_FOUND")
	}
	return fault.NotFoundf("there is no TrainingRuntime %q in namespace %s", name, namespace).WithReason("RUNTIME_NOT_FOUND")
}
