package api

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxRunBytes is how large a new run may be: its history and its error are yet to
// come.
const maxRunBytes = store.MaxValueBytes - 64<<10

// given is what a run was given and what is not stored as part of it.
type given struct {
	spec       *structpb.Struct           // nil when it is that of a version
	parameters map[string]*structpb.Value // nil when they are part of the run
}

// given reads what a run was given.
func (d Deps) given(ctx context.Context, run *pipelinev1.RunState) (*given, error) {
	own := &given{}
	var err error
	if run.GetRun().GetPipelineSource() == nil {
		if own.spec, err = d.loadSpec(ctx, run.GetSpecDigest()); err != nil {
			return nil, err
		}
	}
	if run.GetParametersApart() {
		own.parameters, err = state.LoadParameters(ctx, d.Blob, run)
	}
	return own, err
}
