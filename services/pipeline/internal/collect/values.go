package collect

import (
	"context"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// values removes the large values of runs that are gone, and what of theirs was
// handed to steps.
func (s *sweep) values(ctx context.Context) error {
	if err := s.foldersOfRuns(ctx, "values", state.Values); err != nil {
		return err
	}
	return s.foldersOfRuns(ctx, "handover", state.Handover)
}

// foldersOfRuns removes the folders below a blob key that are named after runs which
// are gone.
func (s *sweep) foldersOfRuns(ctx context.Context, kind, key string) error {
	var batch []string
	for child, err := range s.Bucket.Children(ctx, key) {
		if err != nil {
			return err
		}
		if !child.Folder {
			continue
		}
		if batch = append(batch, child.Name); len(batch) == lookupSize {
			if err := s.dropFolders(ctx, kind, key, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return s.dropFolders(ctx, kind, key, batch)
}

func (s *sweep) dropFolders(ctx context.Context, kind, key string, runs []string) error {
	gone, err := s.gone(ctx, runs)
	if err != nil {
		return err
	}
	for _, run := range gone {
		if err := s.disposeTree(ctx, kind, key+"/"+run, "its run is gone"); err != nil {
			return err
		}
	}
	return nil
}
