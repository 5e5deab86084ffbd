package engine

import (
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// workdir stands for the working directory of a step, which only its node
// knows, in the paths of a layout. It is an absolute path that does not exist.
const workdir = "/.kfmesh-workdir"

// root returns where the artifacts of a run go: what the run asks for, which the
// API has checked, else the default of its pipeline if this server can write
// there, else the server's own.
func root(asked, fallback, own string) string {
	place := own
	switch {
	case asked != "":
		place = asked
	case path.IsAbs(fallback), scheme(fallback) != "" && scheme(fallback) == scheme(own):
		place = fallback
	}
	return strings.TrimSuffix(place, "/")
}

func scheme(uri string) string {
	s, _, found := strings.Cut(uri, "://")
	if !found {
		return ""
	}
	return s
}

// layoutOf says where an attempt's files go: in place under a root that is a
// directory, else into the step's working directory and from there to the root.
func layoutOf(run launch.Run, task string, a dag.Attempt) launch.Layout {
	folder := a.TaskID
	if a.Number > 1 {
		folder += "-" + strconv.Itoa(a.Number)
	}
	place := runPlace(run) + "/" + segment(task) + "/" + folder
	if path.IsAbs(run.PipelineRoot) {
		return launch.Layout{TaskDir: place, InputDir: workdir + "/inputs"}
	}
	return launch.Layout{TaskDir: workdir + "/task", TaskURI: place, InputDir: workdir + "/inputs"}
}

// workspaceOf is the directory that the steps of a run share. There is none
// where the root of the run is no directory.
func workspaceOf(run launch.Run) string {
	if !path.IsAbs(run.PipelineRoot) {
		return ""
	}
	return runPlace(run) + "/.workspace"
}

func runPlace(run launch.Run) string {
	return run.PipelineRoot + "/" + segment(run.PipelineName) + "/" + run.ID
}

// segment makes a name one segment of a path.
func segment(name string) string {
	switch s := url.PathEscape(name); s {
	case ".", "..", "":
		return "_" + s
	default:
		return s
	}
}
