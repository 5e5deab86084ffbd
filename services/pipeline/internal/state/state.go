// Package state owns the pipeline service's part of the store and the shape of
// what it archives.
//
// Keys, all under /kfmesh/pipeline/:
//
//	pipelines/<pipeline id>               Pipeline
//	versions/<pipeline id>/<version id>   VersionState; the spec is a blob
//	experiments/<experiment id>           Experiment
//	names/<kind>/<scope>/<name>           NameClaim, which makes names unique
//	runs/<run id>                         RunState, while the run is live
//	tasks/<run id>/<task id>              Task, while its run is live
//	cache/<namespace>/<pipeline>/<key>    CacheEntry
//	recurring/<recurring run id>          RecurringRunState; its own spec is a blob
//	condemned/<run id>                    CondemnedRun, while its artifacts are removed
//
// Specs are blobs named specs/<hex digits of the digest>, parameters of a run that
// are too large to be part of it parameters/<run id>, values that are too large to be
// part of a task values/<run id>/<hex digits of the digest>, what steps are handed
// handover/<run id>/<workload>/<file> while the run is live, artifacts are below
// artifacts/<pipeline>/<run id>/ unless the run has a root of its own. A finished run and its
// tasks move to the archive as one record (see Record) and their keys go.
package state

import (
	"net/url"
	"strings"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

const prefix = "/kfmesh/pipeline/"

// State is the pipeline service's collections.
type State struct {
	Backend     store.Backend
	Pipelines   *store.Collection[*pipelinev1.Pipeline]
	Versions    *store.Collection[*pipelinev1.VersionState]
	Experiments *store.Collection[*pipelinev1.Experiment]
	Names       *store.Collection[*pipelinev1.NameClaim]
	Runs        *store.Collection[*pipelinev1.RunState]
	Tasks       *store.Collection[*pipelinev1.Task]
	Cache       *store.Collection[*pipelinev1.CacheEntry]
	Recurring   *store.Collection[*pipelinev1.RecurringRunState]
	Condemned   *store.Collection[*pipelinev1.CondemnedRun]
}

// New returns the collections on a backend.
func New(b store.Backend) *State {
	return &State{
		Backend:     b,
		Pipelines:   store.NewCollection[*pipelinev1.Pipeline](b, prefix+"pipelines/"),
		Versions:    store.NewCollection[*pipelinev1.VersionState](b, prefix+"versions/"),
		Experiments: store.NewCollection[*pipelinev1.Experiment](b, prefix+"experiments/"),
		Names:       store.NewCollection[*pipelinev1.NameClaim](b, prefix+"names/"),
		Runs:        store.NewCollection[*pipelinev1.RunState](b, prefix+"runs/"),
		Tasks:       store.NewCollection[*pipelinev1.Task](b, prefix+"tasks/"),
		Cache:       store.NewCollection[*pipelinev1.CacheEntry](b, prefix+"cache/"),
		Recurring:   store.NewCollection[*pipelinev1.RecurringRunState](b, prefix+"recurring/"),
		Condemned:   store.NewCollection[*pipelinev1.CondemnedRun](b, prefix+"condemned/"),
	}
}

// TaskKey is the key of a task in Tasks.
func TaskKey(runID, taskID string) string { return runID + "/" + taskID }

// VersionKey is the key of a version in Versions.
func VersionKey(pipelineID, versionID string) string { return pipelineID + "/" + versionID }

// NameKey is the key of a claim in Names: kind is "pipelines", "versions" or
// "experiments", scope the namespace or the pipeline id.
func NameKey(kind, scope, name string) string { return kind + "/" + scope + "/" + name }

// CacheKey is the key in Cache of what a task of a pipeline would compute.
func CacheKey(namespace, pipeline, key string) string {
	return url.PathEscape(namespace) + "/" + url.PathEscape(pipeline) + "/" + key
}

// Artifacts is the blob key below which runs keep their artifacts.
const Artifacts = "artifacts"

// Specs is the blob prefix under which specs are kept by their digest.
const Specs = "specs/"

// ParametersBlob is the blob key of the parameters of a run that are kept apart.
func ParametersBlob(runID string) string { return "parameters/" + runID }

// SpecBlob is the blob key of the spec with the digest.
func SpecBlob(digest string) string { return Specs + strings.TrimPrefix(digest, "sha256:") }

// Terminal reports whether a run or task in this state has finished.
func Terminal(s pipelinev1.RuntimeState) bool {
	switch s {
	case pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_FAILED,
		pipelinev1.RuntimeState_SKIPPED, pipelinev1.RuntimeState_CANCELED:
		return true
	}
	return false
}
