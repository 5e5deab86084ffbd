// Package api is the pipeline service's gRPC face: PipelineService,
// ExperimentService, RunService and RecurringRunService, which are the KFP
// v2beta1 API, and CacheService.
//
// Handlers read the store itself, never a cache, so that a caller sees what it
// wrote. What has to hold together is written in one commit; what refers to
// something else carries that thing's revision, so that neither a run in a
// deleted experiment nor a version of a deleted pipeline can come to be. A spec
// is stored as a blob, in canonical JSON, before the value that names it by
// digest: a crash in between leaves a blob that nobody names, never the reverse.
//
// A run that has finished moves to the archive, and back when it is retried. So
// a run is looked up live first and then in the archive, and is in one of them at
// any time. When it is in both, the one of more retries has the last word, and
// of as many the archive.
//
// The engine hears of new, cancelled and deleted runs by watching their keys.
// Handlers are safe for concurrent use and start no goroutine that outlives its
// call.
package api

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// Deps is what the handlers work with.
type Deps struct {
	State     *state.State
	Blob      *blob.Bucket                     // specs
	Archive   metadatav1.ArchiveServiceClient  // finished runs
	Workloads gpuagentv1.WorkloadServiceClient // logs
	CacheTTL  time.Duration                    // how long cache entries count; 0 means for ever
	Now       func() time.Time                 // time.Now when nil
}

// Register adds the services to a server.
func Register(server grpc.ServiceRegistrar, deps Deps) {
	deps = deps.complete()
	pipelinev1.RegisterPipelineServiceServer(server, &pipelines{Deps: deps})
	experiments := &experiments{Deps: deps}
	pipelinev1.RegisterExperimentServiceServer(server, experiments)
	runs := &runs{Deps: deps, experiments: experiments, admission: newAdmission(deps.State)}
	pipelinev1.RegisterRunServiceServer(server, runs)
	pipelinev1.RegisterRecurringRunServiceServer(server, &recurring{Deps: deps, runs: runs})
	pipelinev1.RegisterCacheServiceServer(server, &caches{Deps: deps})
}

// complete fills in what may be left out.
func (d Deps) complete() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}

// now is the time as the API shows it.
func (d Deps) now() *timestamppb.Timestamp { return timestamppb.New(d.Now()) }

// newID returns a fresh id.
func newID() string { return uuid.NewString() }
