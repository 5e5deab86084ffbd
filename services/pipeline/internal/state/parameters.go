package state

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxParameterBytes is how large the parameters of a run may be that are part of
// it. Every list of runs reads them.
const maxParameterBytes = 32 << 10

// StoreParameters makes the parameters of a new run a blob when they are too
// large to be part of it. The blob is there before the run names it.
func StoreParameters(ctx context.Context, bucket *blob.Bucket, run *pipelinev1.RunState) error {
	config := run.GetRun().GetRuntimeConfig()
	apart := &pipelinev1.RuntimeConfig{Parameters: config.GetParameters()}
	if run.GetParametersApart() || proto.Size(apart) <= maxParameterBytes {
		return nil
	}
	content, err := proto.Marshal(apart)
	if err != nil {
		return fault.Internalf(err, "the parameters of a run cannot be written")
	}
	if err := bucket.Put(ctx, ParametersBlob(run.GetRun().GetRunId()), content); err != nil {
		return err
	}
	config.Parameters, run.ParametersApart = nil, true
	return nil
}

// LoadParameters returns the parameters of a run, wherever they are.
func LoadParameters(ctx context.Context, bucket *blob.Bucket, run *pipelinev1.RunState) (map[string]*structpb.Value, error) {
	if !run.GetParametersApart() {
		return run.GetRun().GetRuntimeConfig().GetParameters(), nil
	}
	content, err := bucket.Get(ctx, ParametersBlob(run.GetRun().GetRunId()))
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Internalf(err, "the parameters of run %s are gone", run.GetRun().GetRunId())
	}
	if err != nil {
		return nil, err
	}
	apart := &pipelinev1.RuntimeConfig{}
	if err := proto.Unmarshal(content, apart); err != nil {
		return nil, fault.Internalf(err, "the parameters of run %s cannot be read", run.GetRun().GetRunId())
	}
	return apart.GetParameters(), nil
}
