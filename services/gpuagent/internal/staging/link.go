package staging

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// readBack reads a small file. A link is followed only inside the file's own
// directory: what a replica leaves must not lead the agent to files that the
// replica itself could not read.
func readBack(path string, limit int64) (*gpuagentv1.ReturnedFile, bool) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, false
	}
	defer dir.Close() // only reads
	info, err := dir.Stat(filepath.Base(path))
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	file := &gpuagentv1.ReturnedFile{SizeBytes: info.Size(), TooLarge: info.Size() > limit}
	if file.GetTooLarge() {
		return file, true
	}
	content, err := dir.Open(filepath.Base(path))
	if err != nil {
		return nil, false
	}
	defer content.Close() // only reads
	file.Content, err = io.ReadAll(io.LimitReader(content, limit))
	return file, err == nil
}

// checkLinks returns an error when what is to be stored is, or holds, a link that
// leads out of it.
func checkLinks(source string) error {
	folder, err := filepath.EvalSymlinks(filepath.Dir(source))
	if err != nil {
		return err
	}
	if err := leadsInto(folder, source); err != nil {
		return err
	}
	if folder, err = filepath.EvalSymlinks(source); err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		return leadsInto(folder, at)
	})
}

// leadsInto returns an error when a path leads out of a folder that has no links
// in its own path.
func leadsInto(folder, path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(folder, target); err != nil || !filepath.IsLocal(inside) {
		return fmt.Errorf("%s is a link to %s, outside %s", path, target, folder)
	}
	return nil
}
