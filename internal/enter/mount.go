package enter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// makeMounts makes all mounts in the process's own namespace.
func makeMounts(plan Plan) error {
	if len(plan.Mounts)+len(plan.Passages) == 0 {
		return nil
	}
	if plan.Unshare {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return forbidden(err)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return forbidden(err)
	}
	mounts := slices.Clone(plan.Mounts)
	slices.SortStableFunc(mounts, func(a, b Mount) int { return strings.Compare(a.Target, b.Target) })
	v := &view{own: plan.Own, scratch: plan.Scratch}
	if err := v.coverRoot(mounts); err != nil {
		return err
	}
	sources, err := openAll(mounts)
	if err != nil {
		return err
	}
	for _, p := range plan.Passages {
		if err := open(p); err != nil {
			return fmt.Errorf("%s cannot be opened to the command's user: %w", p.Dir, err)
		}
	}
	for i, m := range mounts {
		if err := v.mount(m, sources[i]); err != nil {
			return err
		}
	}
	return nil
}

// dispensable reports whether a command can do without its mounts.
func dispensable(plan Plan) bool {
	return len(plan.Passages) == 0 && !slices.ContainsFunc(plan.Mounts, func(m Mount) bool { return !m.Optional })
}

func forbidden(err error) error {
	return fmt.Errorf("this host does not let kfmesh make mounts for a process (%w): let it make mount namespaces, or run the step in a container", err)
}

// openAll takes hold of the sources, before a mount hides one. None may have links
// in it: one that has was put there by someone since the path was looked up.
func openAll(mounts []Mount) ([]*os.File, error) {
	sources := make([]*os.File, len(mounts))
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	for i, m := range mounts {
		fd, err := unix.Openat2(unix.AT_FDCWD, m.Source, how)
		if err != nil {
			return nil, fmt.Errorf("what is to be mounted at %s cannot be opened: %w", m.Target, err)
		}
		sources[i] = os.NewFile(uintptr(fd), m.Source)
	}
	return sources, nil
}

// through is a path that leads to an open file, whatever was mounted since.
func through(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// view is the file system as far as it was made.
type view struct {
	own, scratch string
	covered      []string // directories that are in memory, but for their entries
	writable     []string // volumes that can be written to
}

func (v *view) mount(m Mount, source *os.File) error {
	info, err := os.Stat(through(source))
	if err != nil {
		return fmt.Errorf("what is to be mounted at %s cannot be read: %w", m.Target, err)
	}
	target, err := v.point(m.Target, info.IsDir())
	if err != nil {
		return err
	}
	if err := unix.Mount(through(source), target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("%s cannot be mounted: %w", m.Target, err)
	}
	if !m.ReadOnly {
		v.writable = append(v.writable, target)
		return nil
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("%s cannot be made read-only: %w", m.Target, err)
	}
	return nil
}

// coverRoot covers the root when a mount point is missing there. That comes before
// all else, for whatever was opened under the old root cannot be mounted any more.
func (v *view) coverRoot(mounts []Mount) error {
	for _, m := range mounts {
		above, missing, err := nearest(m.Target)
		if err != nil || above != "/" || missing == "" {
			continue // point says what is wrong
		}
		if err := v.cover("/"); err != nil {
			return fmt.Errorf("mount point %s does not exist and cannot be made: %w", m.Target, err)
		}
		v.covered = append(v.covered, "/")
		return nil
	}
	return nil
}

// point returns the mount point at a path, without links, and makes it when there
// is none.
func (v *view) point(path string, dir bool) (string, error) {
	above, missing, err := nearest(path)
	if err != nil {
		return "", fmt.Errorf("mount point %s: %w", path, err)
	}
	info, err := os.Stat(above)
	switch {
	case err != nil:
		return "", fmt.Errorf("mount point %s: %w", path, err)
	case missing == "" && info.IsDir() != dir:
		return "", fmt.Errorf("mount point %s: it is %s, and what is to be mounted there %s", path, kind(info.IsDir()), kind(dir))
	case missing == "":
		return above, nil
	case !info.IsDir():
		return "", fmt.Errorf("mount point %s: %s is not a directory", path, above)
	}
	if !v.mayMake(above) {
		if err := v.cover(above); err != nil {
			return "", fmt.Errorf("mount point %s does not exist and cannot be made: %w", path, err)
		}
		v.covered = append(v.covered, above)
	}
	return makePoint(filepath.Join(above, missing), dir)
}

func kind(dir bool) string {
	if dir {
		return "a directory"
	}
	return "a file"
}

// mayMake reports whether a mount point may be made in a directory: in the
// replica's own, in a volume, and in one that is covered, but not in the entries of
// that, which are what they were.
func (v *view) mayMake(dir string) bool {
	in := func(top string) bool { return below(dir, top) }
	return below(dir, v.own) || slices.Contains(v.covered, dir) || slices.ContainsFunc(v.writable, in)
}

func below(path, dir string) bool {
	return dir != "" && (path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/"))
}

func makePoint(path string, dir bool) (string, error) {
	if dir {
		return path, os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	return path, f.Close()
}

// nearest returns what exists of a path, without links, and the rest.
func nearest(path string) (above, missing string, err error) {
	for above = filepath.Clean(path); ; above = filepath.Dir(above) {
		found, err := filepath.EvalSymlinks(above)
		if err == nil {
			return found, missing, nil
		}
		if !errors.Is(err, os.ErrNotExist) || above == "/" {
			return "", "", err
		}
		if _, err := os.Lstat(above); err == nil {
			return "", "", fmt.Errorf("%s is a link to nowhere", above)
		}
		missing = filepath.Join(filepath.Base(above), missing)
	}
}
