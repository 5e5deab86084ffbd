package api

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// mutable are the fields of a pipeline or a version that may change.
var mutable = []protoreflect.Name{"display_name", "tags"}

// UpdatePipeline implements PipelineService.
func (s *pipelines) UpdatePipeline(ctx context.Context, r *pipelinev1.UpdatePipelineRequest) (*pipelinev1.Pipeline, error) {
	id := r.GetPipeline().GetPipelineId()
	if id == "" {
		return nil, fault.Invalidf("pipeline.pipeline_id", "is missing; want the id of a pipeline")
	}
	item, err := s.State.Pipelines.Modify(ctx, id, func(p *pipelinev1.Pipeline) (bool, error) {
		return change(p, r.GetPipeline(), r.GetUpdateMask(), "pipeline")
	})
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("there is no pipeline %q", id).WithCause(err)
	}
	return item.Value, refuseSize(err, "pipeline")
}

// UpdatePipelineVersion implements PipelineService.
func (s *pipelines) UpdatePipelineVersion(ctx context.Context, r *pipelinev1.UpdatePipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	pipelineID, id := r.GetPipelineVersion().GetPipelineId(), r.GetPipelineVersion().GetPipelineVersionId()
	if pipelineID == "" || id == "" {
		return nil, fault.Invalidf("pipeline_version", "has no pipeline_id or no pipeline_version_id; want both")
	}
	item, err := s.State.Versions.Modify(ctx, state.VersionKey(pipelineID, id), func(v *pipelinev1.VersionState) (bool, error) {
		return change(v.GetVersion(), r.GetPipelineVersion(), r.GetUpdateMask(), "pipeline_version")
	})
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("there is no version of pipeline %s %q", pipelineID, id).WithCause(err)
	}
	if err != nil {
		return nil, refuseSize(err, "pipeline_version")
	}
	return s.withSpec(ctx, item.Value)
}

// change sets the fields that a mask names to what was asked for, and reports
// whether that changed anything. A field that may not change may be named with
// the value it has, for clients send back all that they got.
func change(current, asked proto.Message, mask *fieldmaskpb.FieldMask, path string) (bool, error) {
	before := proto.Clone(current)
	to, from := current.ProtoReflect(), asked.ProtoReflect()
	for _, name := range named(from, mask) {
		field := to.Descriptor().Fields().ByName(name)
		switch {
		case field == nil:
			return false, fault.Invalidf("update_mask", "%q is not a field of a %s", name, to.Descriptor().Name())
		case !slices.Contains(mutable, name):
			if !to.Get(field).Equal(from.Get(field)) {
				return false, fault.Invalidf(path+"."+string(name), "cannot be changed; display_name and tags can")
			}
		case name == "display_name":
			if err := checkName(path+".display_name", from.Get(field).String()); err != nil {
				return false, err
			}
			to.Set(field, from.Get(field))
		case from.Has(field):
			to.Set(field, from.Get(field))
		default:
			to.Clear(field)
		}
	}
	return !proto.Equal(before, current), nil
}

// named lists the fields that a mask names, or those mutable ones that are set
// when there is no mask.
func named(asked protoreflect.Message, mask *fieldmaskpb.FieldMask) []protoreflect.Name {
	var names []protoreflect.Name
	for _, path := range mask.GetPaths() {
		field, _, _ := strings.Cut(path, ".")
		names = append(names, protoreflect.Name(field))
	}
	if len(names) > 0 {
		return names
	}
	for _, name := range mutable {
		if asked.Has(asked.Descriptor().Fields().ByName(name)) {
			names = append(names, name)
		}
	}
	return names
}

// refuseSize says in words for the user that what was to be stored is too large.
func refuseSize(err error, what string) error {
	if fault.Is(err, fault.Exhausted) {
		return fault.Invalidf(what, "is larger than %d bytes; shorten its description or tags", store.MaxValueBytes).WithCause(err)
	}
	return err
}
