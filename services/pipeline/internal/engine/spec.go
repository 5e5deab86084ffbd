package engine

import (
	"context"
	"sync"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// keptSpecs is how many parsed specs are kept for further runs.
const keptSpecs = 64

// specs reads the specs of runs. Runs share what is read, and must not change it.
type specs struct {
	bucket *blob.Bucket
	mu     sync.Mutex
	parsed map[string]*ir.Spec // guarded by mu; by digest
}

func newSpecs(bucket *blob.Bucket) *specs {
	return &specs{bucket: bucket, parsed: map[string]*ir.Spec{}}
}

func (s *specs) get(ctx context.Context, digest string) (*ir.Spec, error) {
	s.mu.Lock()
	spec := s.parsed[digest]
	s.mu.Unlock()
	if spec != nil {
		return spec, nil
	}
	content, err := s.bucket.Get(ctx, state.SpecBlob(digest))
	if err != nil {
		return nil, err
	}
	if spec, err = ir.Parse(content); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parsed) >= keptSpecs {
		clear(s.parsed)
	}
	s.parsed[digest] = spec
	return spec, nil
}
