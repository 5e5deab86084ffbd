package engine

import (
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// objectsReference is how a workload refers to the directory in which it sees objects.
const objectsReference = "${objects}/"

// names are what a workload is told in the place of paths that are not the same on
// every node: that of the step's working directory, and those of objects in an object
// store that is a directory.
type names struct {
	store     string // that directory; empty when the object store is none
	workspace string // of the run, which is shared in place; empty when it has none
}

func (e *Engine) namesOf(run launch.Run) names {
	store, _ := e.deps.Bucket.Local()
	return names{store: store, workspace: run.Workspace}
}

// literal escapes what a workload would expand and puts in what it is to expand.
func (n names) literal(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "${", "$${"), workdir, "${workdir}")
	if n.store == "" {
		return text
	}
	return strings.ReplaceAll(text, n.store+"/", objectsReference)
}

func (n names) literals(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = n.literal(text)
	}
	return out
}

// moves reports whether a path is that of an object that goes to the step, or comes
// from it, where the step is not beside the object store.
func (n names) moves(p string) bool {
	return n.store != "" && strings.HasPrefix(p, n.store+"/") && (n.workspace == "" || !below(p, n.workspace))
}

// stage is a layout's path as staging knows it: relative if it is in the working
// directory, a reference if it is that of an object.
func (n names) stage(p string) string {
	if n.moves(p) {
		return objectsReference + strings.TrimPrefix(p, n.store+"/")
	}
	return strings.TrimPrefix(p, workdir+"/")
}

// unstage is the inverse for paths that come back to a layout.
func (n names) unstage(layout launch.Layout, p string) string {
	if object, ok := strings.CutPrefix(p, objectsReference); ok {
		return n.store + "/" + object
	}
	if strings.HasPrefix(layout.TaskDir, workdir+"/") && !strings.HasPrefix(p, "/") {
		return workdir + "/" + p
	}
	return p
}
