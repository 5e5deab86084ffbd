package engine

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// checkLinks returns an error when an output artifact that stays where the step
// put it is a link to a place that is not the step's: neither in its directory
// nor in the workspace, nor what it was given. What is there could change or go
// at any time, or be nobody's business.
func checkLinks(request launch.Request, outputs ir.Values) error {
	for name, artifacts := range outputs.Artifacts {
		for _, a := range artifacts {
			if !path.IsAbs(a.URI) {
				continue
			}
			target, err := filepath.EvalSymlinks(a.URI)
			if err != nil || target == path.Clean(a.URI) || !leadsOut(request, target) {
				continue // it was not written, which is no failure, or is no such link
			}
			return fmt.Errorf("task %q: its output artifact %q at %s is a link to %s; it has to be in the task's own directory %s",
				request.Task.Name, name, a.URI, target, request.Layout.TaskDir)
		}
	}
	return nil
}

// leadsOut reports whether a path without links is in none of the places that
// are a step's to give.
func leadsOut(request launch.Request, target string) bool {
	places := []string{request.Layout.TaskDir, request.Run.Workspace}
	for _, artifacts := range request.Inputs.Artifacts {
		for _, a := range artifacts {
			places = append(places, a.URI)
		}
	}
	for _, place := range places {
		known, err := filepath.EvalSymlinks(place)
		if err == nil && path.IsAbs(place) && (target == known || strings.HasPrefix(target, known+"/")) {
			return false
		}
	}
	return true
}
