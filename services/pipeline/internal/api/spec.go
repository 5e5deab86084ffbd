package api

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxSpecBytes bounds a spec that comes as part of a message.
const maxSpecBytes = 32 << 20

// spec is a pipeline that a run of it can be started of.
type spec struct {
	*ir.Spec
	shown  *structpb.Struct // as the API shows it
	digest string           // of its canonical JSON, "sha256:<hex>"; set once stored
}

// parseSpec reads and checks the content of a file.
func parseSpec(content []byte) (*spec, error) {
	shown, err := ir.ToStruct(content)
	if err != nil {
		return nil, err
	}
	return checkSpec(shown)
}

// checkSpec reads and checks a spec from a message.
func checkSpec(shown *structpb.Struct) (*spec, error) {
	parsed, err := ir.FromStruct(shown)
	if err != nil {
		return nil, err
	}
	if err := ir.Validate(parsed); err != nil {
		return nil, err
	}
	return &spec{Spec: parsed, shown: shown}, nil
}

// store writes the spec, unless it is there, and sets its digest.
func (s *spec) store(ctx context.Context, bucket *blob.Bucket) error {
	content, err := json.Marshal(s.shown.AsMap()) // sorts keys, so equal specs are equal blobs
	if err != nil {
		return fault.Internalf(err, "pipeline spec cannot be written")
	}
	if len(content) > maxSpecBytes {
		return fault.Invalidf("pipeline_spec", "is %d bytes; at most %d are allowed", len(content), maxSpecBytes)
	}
	s.digest, err = bucket.PutDigest(ctx, state.Specs, content)
	return err
}

// loadSpec reads a stored spec as the API shows it.
func (d Deps) loadSpec(ctx context.Context, digest string) (*structpb.Struct, error) {
	content, err := d.Blob.GetDigest(ctx, state.Specs, digest)
	if err != nil {
		return nil, fault.Internalf(err, "stored pipeline spec %s cannot be read", digest)
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, fault.Internalf(err, "stored pipeline spec %s is damaged", digest)
	}
	shown, err := structpb.NewStruct(fields)
	if err != nil {
		return nil, fault.Internalf(err, "stored pipeline spec %s is damaged", digest)
	}
	return shown, nil
}
