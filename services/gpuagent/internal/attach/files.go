package attach

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// writeFiles writes the wanted values of a secret or config map into a directory
// that is made anew.
func writeFiles(dir string, values map[string][]byte, want *gpuagentv1.KeyedSource, mode fs.FileMode) error {
	files, err := Files(values, want)
	if err != nil {
		return err
	}
	if err := makeParent(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, files[name], mode); err != nil {
			return err
		}
	}
	return nil
}

// Files names the files that a source makes of values: each key under its own
// name, or the keys that it lists under the names it gives them.
func Files(values map[string][]byte, want *gpuagentv1.KeyedSource) (map[string][]byte, error) {
	if len(want.GetItems()) == 0 {
		return values, nil
	}
	files := map[string][]byte{}
	for _, key := range slices.Sorted(maps.Keys(want.GetItems())) {
		value, ok := values[key]
		switch {
		case ok:
			files[want.GetItems()[key]] = value
		case !want.GetOptional():
			return nil, fault.NotFoundf("%s has no key %q; it has %s", want.GetName(), key, Keys(values))
		}
	}
	return files, nil
}

// Keys lists the keys of a secret or config map for people.
func Keys(values map[string][]byte) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}

// CheckSubPath says what is wrong with a path inside a volume, or the name of a
// file in one.
func CheckSubPath(sub string) error {
	if sub != "" && !filepath.IsLocal(sub) {
		return fault.Invalidf("", "%q leaves the volume: want a relative path without \"..\" that leads out", sub)
	}
	return nil
}

// within returns the file or directory at a path inside a volume, which is made
// when it does not exist and may be. Links are followed as long as they lead to
// what is in the volume. The result holds no links, so whoever mounts it without
// following any mounts what was found here.
func within(dir, sub string, create bool) (string, error) {
	if err := CheckSubPath(sub); err != nil {
		return "", err
	}
	if sub == "" || filepath.Clean(sub) == "." {
		return filepath.EvalSymlinks(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Stat(sub); os.IsNotExist(err) && create {
		if err := root.MkdirAll(sub, 0o777); err != nil {
			return "", errSubPath(sub, err)
		}
		_ = root.Chmod(sub, 0o777) // whatever the umask; not ours to change when it was there
	}
	f, err := root.OpenFile(sub, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", errSubPath(sub, err)
	}
	defer func() { _ = f.Close() }()
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
}

func errSubPath(sub string, err error) error {
	if os.IsNotExist(err) {
		return fault.NotFoundf("there is no %q in it", sub)
	}
	return fault.Preconditionf("the path %q in it cannot be mounted: %v", sub, err)
}
