package collect

import (
	"context"
	"slices"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// lookupSize is how many runs are looked for at a time: what a filter may hold.
const lookupSize = 500

// gone returns those of the runs that are neither live nor in the archive. A run
// may move from one to the other, so each place is looked at again after the
// other: one that is there all along is found.
func (s *sweep) gone(ctx context.Context, ids []string) ([]string, error) {
	missing := slices.Clone(ids)
	for range 2 {
		for _, absent := range []func(context.Context, []string) ([]string, error){s.notArchived, s.notLive} {
			var err error
			if missing, err = absent(ctx, missing); err != nil || len(missing) == 0 {
				return s.orDoomed(ids, missing), err
			}
		}
	}
	return s.orDoomed(ids, missing), nil
}

// orDoomed adds the runs that a dry run would have removed.
func (s *sweep) orDoomed(ids, missing []string) []string {
	for _, id := range ids {
		if s.doomed[id] && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	return missing
}

// notLive returns those of the runs that are not live.
func (s *sweep) notLive(ctx context.Context, ids []string) ([]string, error) {
	var missing []string
	for _, id := range ids {
		_, err := s.State.Runs.Get(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
			missing = append(missing, id)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// notArchived returns those of the runs that are not in the archive.
func (s *sweep) notArchived(ctx context.Context, ids []string) ([]string, error) {
	var missing []string
	for some := range slices.Chunk(ids, lookupSize) {
		found, err := s.Archive.ListRecords(ctx, &metadatav1.ListRecordsRequest{
			Kind: state.RunKind, OrderBy: "uid", PageSize: int32(len(some)),
			Filter: &metav1.Filter{Predicates: []*metav1.Predicate{{
				Operation: metav1.Predicate_IN, Key: "uid",
				Value: &metav1.Predicate_StringValues_{StringValues: &metav1.Predicate_StringValues{Values: some}},
			}}},
		})
		if err != nil {
			return nil, err
		}
		archived := make(map[string]bool, len(found.GetRecords()))
		for _, record := range found.GetRecords() {
			archived[record.GetUid()] = true
		}
		for _, id := range some {
			if !archived[id] {
				missing = append(missing, id)
			}
		}
	}
	return missing, nil
}
