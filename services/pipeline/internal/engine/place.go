package engine

import (
	"path"
	"strconv"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// workdir stands for the working directory of a step, which only its node
// knows, in the paths of a layout. It is an absolute path that does not exist.
const workdir = "/.kfmesh-workdir"

// layoutOf says where an attempt's files go: in place under a root that is a
// directory, else into the step's working directory and from there to the root.
func layoutOf(run launch.Run, task string, a dag.Attempt) launch.Layout {
	folder := a.TaskID
	if a.Number > 1 {
		folder += "-" + strconv.Itoa(a.Number)
	}
	place := runPlace(run) + "/" + launch.Segment(task) + "/" + folder
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
	return run.PipelineRoot + "/" + launch.Place(run.PipelineName, run.ID)
}
