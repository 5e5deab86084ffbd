package staging

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// objectsReference begins the paths of objects as a replica sees them.
const objectsReference = "${objects}/"

// Place says where ${objects} is on a node, and what the object store calls it.
type Place struct {
	Dir  string // absolute
	Base string // what URIs of objects have before the slash and the name
}

// Resolve returns a staging whose paths of objects are paths of the node, without
// the transfers that have nothing to do: those of objects that are used in place.
func (p Place) Resolve(s *gpuagentv1.Staging) *gpuagentv1.Staging {
	if s == nil {
		return nil
	}
	s = proto.CloneOf(s)
	inPlace := func(t *gpuagentv1.Transfer) bool {
		t.Path = p.resolve(t.GetPath())
		return p.Dir == p.Base && t.GetUri() == t.GetPath() && !t.GetExpand()
	}
	s.Downloads = slices.DeleteFunc(s.GetDownloads(), inPlace)
	s.Uploads = slices.DeleteFunc(s.GetUploads(), inPlace)
	for i, dir := range s.GetDirectories() {
		s.Directories[i] = p.resolve(dir)
	}
	for _, r := range s.GetReturns() {
		r.Path = p.resolve(r.GetPath())
	}
	for _, f := range s.GetFiles() {
		f.Path = p.resolve(f.GetPath())
	}
	return s
}

func (p Place) resolve(path string) string {
	if rest, ok := strings.CutPrefix(path, objectsReference); ok {
		return filepath.Join(p.Dir, rest)
	}
	return path
}

// Names are what the paths that come back were called in a staging, by what they are
// once it is resolved.
func (p Place) Names(s *gpuagentv1.Staging) map[string]string {
	names := map[string]string{}
	for _, t := range s.GetUploads() {
		names[p.resolve(t.GetPath())] = t.GetPath()
	}
	for _, r := range s.GetReturns() {
		names[p.resolve(r.GetPath())] = r.GetPath()
	}
	return names
}

// Externalize has the files that are wanted back say of objects what the object store
// calls them, where the replica saw them in a directory of its own. It may be repeated.
// Files that are not there, are links, or are larger than limit bytes stay as they are.
func (p Place) Externalize(s *gpuagentv1.Staging, workDir string, limit int64) error {
	if p.Dir == p.Base {
		return nil
	}
	for _, r := range s.GetReturns() {
		if err := p.externalize(at(workDir, r.GetPath()), limit); err != nil {
			return err
		}
	}
	return nil
}

func (p Place) externalize(path string, limit int64) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil // then there is no such file
	}
	defer dir.Close() // what is written is closed by itself
	name := filepath.Base(path)
	info, err := dir.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil // of files that cannot be read, reading back says so
	}
	content, err := dir.ReadFile(name)
	if err != nil || !bytes.Contains(content, []byte(p.Dir+"/")) {
		return nil // as above
	}
	content = bytes.ReplaceAll(content, []byte(p.Dir+"/"), []byte(p.Base+"/"))
	next := name + ".kfmesh"
	if err := dir.WriteFile(next, content, info.Mode().Perm()); err != nil {
		return err
	}
	return dir.Rename(next, name)
}

// Bound reports whether a staging names paths of the head, other than those of the
// object store with this base.
func Bound(s *gpuagentv1.Staging, base string) bool {
	if len(s.GetReads()) > 0 || slices.ContainsFunc(s.GetDirectories(), filepath.IsAbs) {
		return true
	}
	foreign := func(t *gpuagentv1.Transfer) bool {
		uri := strings.TrimPrefix(t.GetUri(), "file://")
		return filepath.IsAbs(t.GetPath()) || filepath.IsAbs(uri) && !strings.HasPrefix(uri, base+"/")
	}
	return slices.ContainsFunc(s.GetDownloads(), foreign) || slices.ContainsFunc(s.GetUploads(), foreign) ||
		slices.ContainsFunc(s.GetReturns(), func(r *gpuagentv1.ReturnedPath) bool { return filepath.IsAbs(r.GetPath()) }) ||
		slices.ContainsFunc(s.GetFiles(), func(f *gpuagentv1.InlineFile) bool { return filepath.IsAbs(f.GetPath()) })
}
