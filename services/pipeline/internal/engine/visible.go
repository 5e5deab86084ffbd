package engine

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// visible names what a step reads in place outside the server's own directory,
// such as an imported file. It is at the same path on both sides: a process finds
// it anyway, and a container is given it there.
func (e *Engine) visible(request launch.Request) []launch.Transfer {
	own, _ := e.deps.Bucket.Local()
	var transfers []launch.Transfer
	for _, artifacts := range request.Inputs.Artifacts {
		for _, a := range artifacts {
			at := path.Clean(request.LocalPath(a))
			if !path.IsAbs(at) || own != "" && strings.HasPrefix(at, filepath.Clean(own)+"/") {
				continue
			}
			if _, err := os.Stat(at); err != nil {
				continue // the step will say what it lacks
			}
			transfers = append(transfers, launch.Transfer{URI: at, Path: at})
		}
	}
	return transfers
}
