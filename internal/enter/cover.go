package enter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// mostEntries is how many entries a directory may have to be covered: each is a
// mount.
const mostEntries = 2048

// cover mounts a file system in memory over a directory, with the entries it had.
func (v *view) cover(dir string) error {
	old, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	entries, err := os.ReadDir(through(old))
	if err != nil {
		return err
	}
	if len(entries) > mostEntries {
		return fmt.Errorf("%s has %d entries, too many to take over; make the mount point yourself", dir, len(entries))
	}
	place := dir
	if dir == "/" { // the root of a process is not where its path leads: it takes another way
		place = v.scratch
		if err := os.MkdirAll(place, 0o700); err != nil {
			return err
		}
	}
	info, err := os.Stat(through(old))
	if err != nil {
		return err
	}
	if err := mountMemory(place, info.Mode()); err != nil {
		return err
	}
	if dir == "/" { // of which the place is a part, and is not to be carried along
		if err := unix.Mount("", place, "", unix.MS_UNBINDABLE, ""); err != nil {
			return err
		}
	}
	if err := carryAll(old, place, entries); err != nil {
		return err
	}
	if dir == "/" {
		return changeRoot(place)
	}
	return nil
}

// open covers a directory by one that anybody may pass and nobody may list.
func open(p Passage) error {
	old, err := os.OpenFile(p.Dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	entries, err := os.ReadDir(through(old))
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(p.Names, e.Name()) })
	if err := mountMemory(p.Dir, 0o711); err != nil {
		return err
	}
	return carryAll(old, p.Dir, entries)
}

func carryAll(old *os.File, place string, entries []os.DirEntry) error {
	for _, entry := range entries {
		if err := carry(filepath.Join(through(old), entry.Name()), filepath.Join(place, entry.Name()), entry); err != nil {
			return fmt.Errorf("%s cannot be taken over: %w", filepath.Join(old.Name(), entry.Name()), err)
		}
	}
	return nil
}

// mountMemory mounts a file system in memory with the given bits.
func mountMemory(place string, mode os.FileMode) error {
	bits := mode.Perm()
	if mode&os.ModeSticky != 0 {
		bits |= 0o1000
	}
	if err := unix.Mount("tmpfs", place, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=%04o", uint32(bits))); err != nil {
		return forbidden(err)
	}
	return nil
}

// carry takes an entry over. One that is gone by now is left out.
func carry(from, to string, entry os.DirEntry) error {
	switch {
	case entry.Type()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err == nil {
			err = os.Symlink(target, to)
		}
		return unlessGone(err)
	case entry.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(to, nil, 0o600); err != nil {
			return err
		}
	}
	err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, os.ErrNotExist) {
		return os.Remove(to)
	}
	return err
}

func unlessGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// changeRoot makes a directory the root and lets go of the old one.
func changeRoot(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root is now on top of the new one
		return fmt.Errorf("the root cannot be changed: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("the old root cannot be let go of: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_PRIVATE, "")
}
