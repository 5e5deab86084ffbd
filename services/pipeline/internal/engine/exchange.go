package engine

import (
	"maps"
	"path"
	"slices"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// exchange has the artifacts fetched that a step reads in the object store's own
// directory, and stored what it makes there, for where the step is not beside it. In
// place there is nothing to do. Artifacts may have no content.
func (n names) exchange(request launch.Request, l *launch.Launch) {
	for _, name := range slices.Sorted(maps.Keys(l.Inputs.Artifacts)) {
		for _, a := range l.Inputs.Artifacts[name] {
			if at := path.Clean(request.LocalPath(a)); n.moves(at) {
				l.Downloads = append(l.Downloads, launch.Transfer{URI: at, Path: at, Optional: true})
			}
		}
	}
	makes := len(request.Spec.Components[request.Component].OutputDefinitions.Artifacts) > 0
	if dir := request.Layout.TaskDir; makes && n.moves(dir) {
		l.Uploads = append(l.Uploads, launch.Transfer{URI: dir, Path: dir})
	}
}
