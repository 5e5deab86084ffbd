package collect

import (
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// usedByLive returns the URIs in some places that tasks of live runs read or
// reuse. A run that finishes meanwhile has been recorded in the metadata, which
// is asked afterwards.
func (s *sweep) usedByLive(ctx context.Context, places []garbage.Place) (map[garbage.Place][]string, error) {
	used := map[garbage.Place][]string{}
	for _, place := range places {
		used[place] = nil
	}
	runs, _, err := s.State.Runs.List(ctx, "")
	if err != nil {
		return nil, err
	}
	root := s.Bucket.URI(state.Artifacts)
	for _, run := range runs {
		tasks, _, err := s.State.Tasks.List(ctx, state.TaskKey(run.Key, ""))
		if err != nil {
			return nil, err
		}
		for _, task := range tasks {
			for _, uri := range urisOf(task.Value) {
				place, _ := garbage.PlaceOf(root, uri)
				if _, asked := used[place]; asked {
					used[place] = append(used[place], uri)
				}
			}
		}
	}
	return used, nil
}

// urisOf are the URIs of what a task read and made.
func urisOf(task *pipelinev1.Task) []string {
	var uris []string
	for _, a := range slices.Concat(task.GetInputArtifacts(), task.GetOutputArtifacts()) {
		uris = append(uris, a.GetUri())
	}
	return uris
}

// usedByFinished returns the URIs in a place that other runs used which exist.
func (s *sweep) usedByFinished(ctx context.Context, place garbage.Place) ([]string, error) {
	request := &metadatav1.ListUsesRequest{
		Place: s.Bucket.URI(state.Artifacts + "/" + string(place)), ExceptContext: place.Run(), PageSize: lookupSize,
	}
	var used []string
	for {
		page, err := s.Metadata.ListUses(ctx, request)
		if err != nil {
			return nil, err
		}
		uses := page.GetUses()
		gone, err := s.gone(ctx, usersOf(uses))
		if err != nil {
			return nil, err
		}
		for _, use := range uses {
			if !slices.Contains(gone, use.GetContext()) {
				used = append(used, use.GetUri())
			}
		}
		if len(uses) < lookupSize {
			return slices.Compact(used), nil
		}
		request.After = uses[len(uses)-1]
	}
}

// usersOf are the contexts of uses, each once.
func usersOf(uses []*metadatav1.ArtifactUse) []string {
	var users []string
	for _, use := range uses {
		users = append(users, use.GetContext())
	}
	slices.Sort(users)
	return slices.Compact(users)
}
