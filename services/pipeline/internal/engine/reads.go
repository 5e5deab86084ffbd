package engine

import (
	"path"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// reads are the paths of the inputs that a step reads in place, other than in the
// object store's own directory, which every step sees whatever it runs as.
func (e *Engine) reads(layout launch.Layout, l *launch.Launch) []string {
	store, _ := e.deps.Bucket.Local()
	return readsOf(layout, l, store)
}

func readsOf(layout launch.Layout, l *launch.Launch, store string) []string {
	var paths []string
	for _, artifacts := range l.Inputs.Artifacts {
		for _, a := range artifacts {
			local := path.Clean(layout.LocalPath(a.URI))
			if path.IsAbs(local) && !below(local, workdir) && (store == "" || !below(local, store)) {
				paths = append(paths, local)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
