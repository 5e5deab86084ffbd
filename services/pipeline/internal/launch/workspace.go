package launch

import (
	"path"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// inWorkspace is the metadata by which KFP marks an artifact whose content an
// importer has put into the run's workspace. The steps find it there; what they
// are told of it leaves the mark out, for the SDK would look for the workspace
// at a place of its own.
const inWorkspace = "_kfp_workspace"

// imports is the directory of a workspace that importers fill.
const imports = ".artifacts"

// workspacePath is where an importer puts what is at a URI.
func (r Run) workspacePath(uri string) string {
	return path.Join(r.Workspace, imports, shortDigest(uri), fileName(path.Base(uri)))
}

// copied reports whether the content of an artifact is in the run's workspace.
func (req Request) copied(a ir.Artifact) bool {
	return a.Metadata[inWorkspace] == true && req.Run.Workspace != ""
}

// LocalPath is where the step finds an artifact.
func (req Request) LocalPath(a ir.Artifact) string {
	if req.copied(a) {
		return req.Run.workspacePath(a.URI)
	}
	return req.Layout.LocalPath(a.URI)
}

// FillsWorkspace reports whether the task is an importer that puts what it
// imports into the run's workspace, which is a step of its own.
func (req Request) FillsWorkspace() bool {
	_, executor, err := req.component()
	return err == nil && req.Run.Workspace != "" && executor.Importer != nil && executor.Importer.DownloadToWorkspace
}

// BuildImport makes the launch of a task that FillsWorkspace.
func BuildImport(req Request) (*Launch, error) {
	imported, err := Import(req)
	if err != nil {
		return nil, err
	}
	l := &Launch{Command: []string{"true"}, Runtime: "process", Directories: []string{req.Run.Workspace}}
	for _, artifacts := range imported.Values.Artifacts {
		for _, a := range artifacts {
			l.Downloads = append(l.Downloads, Transfer{URI: a.URI, Path: req.Run.workspacePath(a.URI)})
		}
	}
	return l, nil
}
