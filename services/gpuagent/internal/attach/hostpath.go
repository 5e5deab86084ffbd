package attach

import (
	"io/fs"
	"os"
	"path/filepath"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// kinds are the types of a path of the node that has to be there, and what tells them.
var kinds = map[string]func(fs.FileMode) bool{
	"Directory":         fs.FileMode.IsDir,
	"DirectoryOrCreate": fs.FileMode.IsDir,
	"File":              fs.FileMode.IsRegular,
	"FileOrCreate":      fs.FileMode.IsRegular,
	"Socket":            func(m fs.FileMode) bool { return m&fs.ModeSocket != 0 },
	"CharDevice":        func(m fs.FileMode) bool { return m&fs.ModeCharDevice != 0 },
	"BlockDevice":       func(m fs.FileMode) bool { return m&fs.ModeDevice != 0 && m&fs.ModeCharDevice == 0 },
}

// CheckHostPath says what is wrong with the type of a path of the node.
func CheckHostPath(h *gpuagentv1.HostPath) error {
	if _, known := kinds[h.GetType()]; !known && h.GetType() != "" {
		return fault.Invalidf("", "%q is no type of a path: want Directory, DirectoryOrCreate, File, FileOrCreate, Socket, CharDevice, BlockDevice or nothing", h.GetType())
	}
	return nil
}

// hostPath checks that a path of the node is what it is to be, and makes it where it may. As
// in Kubernetes a path without a type that does not exist is made a directory.
func hostPath(h *gpuagentv1.HostPath) error {
	path := filepath.Clean(h.GetPath())
	info, err := os.Stat(path)
	switch {
	case err == nil:
		if is := kinds[h.GetType()]; is != nil && !is(info.Mode()) {
			return fault.Preconditionf("%s of the node is no %s", path, h.GetType())
		}
		return nil
	case !os.IsNotExist(err):
		return fault.Preconditionf("%s of the node cannot be looked at: %v", path, err)
	}
	switch h.GetType() {
	case "", "DirectoryOrCreate":
		return os.MkdirAll(path, 0o755)
	case "FileOrCreate":
		return os.WriteFile(path, nil, 0o644)
	}
	return fault.Preconditionf("%s does not exist on the node", path)
}
