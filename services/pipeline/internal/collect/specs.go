package collect

import (
	"context"
	"strings"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// specGrace is the age below which a spec stays: longer than the time for which
// blob.PutDigest leaves one as it is, by the time that it may take from there to
// the commit that refers to it.
const specGrace = 2 * blob.Fresh

// specs removes the specs that no version, recurring run or run refers to.
func (s *sweep) specs(ctx context.Context) error {
	candidates, err := s.oldSpecs(ctx)
	if err != nil {
		return err
	}
	// Runs are looked for where they live, in the archive, and again where they
	// live, so that none that moves is overlooked.
	for _, spare := range []func(context.Context, map[string]int64) error{
		s.spareStored, s.spareLive, s.spareArchived, s.spareLive,
	} {
		if len(candidates) == 0 {
			return nil
		}
		if err := spare(ctx, candidates); err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(candidates) {
		if err := s.dropSpec(ctx, key, candidates[key]); err != nil {
			return err
		}
	}
	return nil
}

// oldSpecs returns the sizes of the specs that are not fresh, by key.
func (s *sweep) oldSpecs(ctx context.Context) (map[string]int64, error) {
	old := map[string]int64{}
	folder := strings.TrimSuffix(state.Specs, "/")
	for child, err := range s.Bucket.Children(ctx, folder) {
		if err != nil {
			return nil, err
		}
		if !child.Folder && s.now.Sub(child.Modified) > specGrace {
			old[state.Specs+child.Name] = child.Bytes
		}
	}
	return old, nil
}

// spareStored takes out what versions and recurring runs refer to.
func (s *sweep) spareStored(ctx context.Context, candidates map[string]int64) error {
	versions, _, err := s.State.Versions.List(ctx, "")
	if err != nil {
		return err
	}
	for _, v := range versions {
		delete(candidates, state.SpecBlob(v.Value.GetSpecDigest()))
	}
	recurring, _, err := s.State.Recurring.List(ctx, "")
	for _, r := range recurring {
		delete(candidates, state.SpecBlob(r.Value.GetSpecDigest()))
	}
	return err
}

// spareLive takes out what live runs refer to.
func (s *sweep) spareLive(ctx context.Context, candidates map[string]int64) error {
	runs, _, err := s.State.Runs.List(ctx, "")
	for _, run := range runs {
		delete(candidates, state.SpecBlob(run.Value.GetSpecDigest()))
	}
	return err
}

// spareArchived takes out what finished runs refer to.
func (s *sweep) spareArchived(ctx context.Context, candidates map[string]int64) error {
	request := &metadatav1.ListRecordsRequest{Kind: state.RunKind, OrderBy: "created_at", PageSize: pageSize}
	return s.eachRecord(ctx, request, func(r *metadatav1.Record) error {
		if s.doomed[r.GetUid()] {
			return nil
		}
		run, err := state.Summary(r)
		if err != nil {
			return err
		}
		delete(candidates, state.SpecBlob(run.GetSpecDigest()))
		return nil
	})
}

// dropSpec removes a spec, unless somebody has refreshed it meanwhile.
func (s *sweep) dropSpec(ctx context.Context, key string, bytes int64) error {
	usage, err := s.Bucket.Measure(ctx, s.Bucket.URI(key))
	if fault.Is(err, fault.NotFound) || err == nil && s.now.Sub(usage.Newest) <= specGrace {
		return nil
	}
	if err != nil {
		return err
	}
	g := &metav1.Garbage{Kind: "spec", Name: key, Bytes: bytes, Reason: "no version, recurring run or run refers to it"}
	return s.dispose(ctx, g, func(ctx context.Context) error { return s.Bucket.Delete(ctx, key) })
}
