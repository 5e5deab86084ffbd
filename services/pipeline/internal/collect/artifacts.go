package collect

import (
	"context"
	"slices"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// artifacts goes through the places below the artifact root and clears those
// whose runs are gone.
func (s *sweep) artifacts(ctx context.Context) error {
	var batch []garbage.Place
	for pipeline, err := range s.Bucket.Children(ctx, state.Artifacts) {
		if err != nil {
			return err
		}
		for run, err := range s.Bucket.Children(ctx, state.Artifacts+"/"+pipeline.Name) {
			if err != nil {
				return err
			}
			place, ok := garbage.PlaceOf(state.Artifacts, state.Artifacts+"/"+pipeline.Name+"/"+run.Name)
			if !ok || !run.Folder {
				continue
			}
			if batch = append(batch, place); len(batch) == lookupSize {
				if err := s.clearGone(ctx, batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
		}
	}
	return s.clearGone(ctx, batch)
}

// clearGone clears those places whose runs are gone.
func (s *sweep) clearGone(ctx context.Context, places []garbage.Place) error {
	ids := make([]string, len(places))
	for i, place := range places {
		ids[i] = place.Run()
	}
	gone, err := s.gone(ctx, ids)
	if err != nil || len(gone) == 0 {
		return err
	}
	var condemned []garbage.Place
	for _, place := range places {
		if !slices.Contains(gone, place.Run()) {
			continue
		}
		if mine, err := s.condemn(ctx, place); err != nil {
			return err
		} else if mine {
			condemned = append(condemned, place)
		}
	}
	return s.clear(ctx, condemned)
}

// condemned clears the places that an earlier collection had begun to clear.
func (s *sweep) condemned(ctx context.Context) error {
	if s.dryRun {
		return nil
	}
	items, _, err := s.State.Condemned.List(ctx, "")
	if err != nil {
		return err
	}
	places := make([]garbage.Place, len(items))
	for i, item := range items {
		places[i] = garbage.Place(item.Value.GetPlace())
	}
	return s.clear(ctx, places)
}

// condemn keeps runs from beginning to use what is in a place, and reports
// whether it may be cleared: its run may have come back to life.
func (s *sweep) condemn(ctx context.Context, place garbage.Place) (bool, error) {
	if s.dryRun {
		return true, nil
	}
	_, err := s.State.Backend.Commit(ctx,
		s.State.Runs.CheckOp(place.Run(), 0),
		s.State.Condemned.UpdateOp(place.Run(), &pipelinev1.CondemnedRun{Place: string(place)}, store.AnyRevision))
	if fault.Is(err, fault.AlreadyExists) {
		return false, nil
	}
	return err == nil, err
}

// clear removes what nobody uses of places that are condemned.
func (s *sweep) clear(ctx context.Context, places []garbage.Place) error {
	if len(places) == 0 {
		return nil
	}
	used, err := s.usedByLive(ctx, places)
	if err != nil {
		return err
	}
	for _, place := range places {
		uses, err := s.usedByFinished(ctx, place)
		if err != nil {
			return err
		}
		uses = append(uses, used[place]...)
		if err := s.prune(ctx, place, state.Artifacts+"/"+string(place), uses); err != nil {
			return err
		}
		if s.dryRun {
			continue
		}
		if err := s.State.Condemned.Delete(ctx, place.Run(), store.AnyRevision); err != nil {
			return err
		}
	}
	return nil
}

// prune removes what is at a blob key in a place, but for what is used.
func (s *sweep) prune(ctx context.Context, place garbage.Place, key string, used []string) error {
	uri := s.Bucket.URI(key)
	switch garbage.FateOf(uri, used) {
	case garbage.Goes:
		s.removed[place] = append(s.removed[place], uri)
		return s.disposeTree(ctx, "artifact", key, "its run is gone and no other uses it")
	case garbage.Stays:
		return nil
	}
	for child, err := range s.Bucket.Children(ctx, key) {
		if err != nil {
			return err
		}
		if err := s.prune(ctx, place, key+"/"+child.Name, used); err != nil {
			return err
		}
	}
	return nil
}
