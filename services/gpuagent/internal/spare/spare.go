// Package spare keeps empty directories for those who need one soon.
//
// A step of a pipeline has a few directories to itself for a few milliseconds. To
// make a directory is dear next to that: the file system allocates an inode and a
// block, and ext4 without a journal looks at every inode that was removed in the
// last minutes before it gives one out. To rename one costs neither.
package spare

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// most is how many directories are kept.
const most = 256

// Dirs are the spare directories of one file system and one mode. They are kept
// below a directory that nobody else uses. It is safe for concurrent use.
type Dirs struct {
	root string
	mode fs.FileMode

	mu    sync.Mutex
	open  bool     // guarded by mu
	made  int      // guarded by mu; names the next one
	spare []string // guarded by mu
}

// New returns no spare directories yet. They will be kept below root.
func New(root string, mode fs.FileMode) *Dirs { return &Dirs{root: root, mode: mode} }

// Open removes what an earlier process kept, and begins to keep.
func (d *Dirs) Open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.RemoveAll(d.root); err != nil {
		return err
	}
	if err := os.MkdirAll(d.root, 0o700); err != nil {
		return err
	}
	d.open = true
	return nil
}

// Close removes what is kept. What is given from then on is removed.
func (d *Dirs) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.spare = false, nil
	return os.RemoveAll(d.root)
}

// Make makes a directory, of a spare one if there is one. It is no error when it is
// there already.
func (d *Dirs) Make(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.MkdirAll(path, d.mode) // which says what is no directory
	}
	if spare := d.take(); spare != "" && os.Rename(spare, path) == nil {
		return nil
	}
	if err := os.Mkdir(path, d.mode); err == nil {
		return nil
	}
	return os.MkdirAll(path, d.mode) // its parents too
}

func (d *Dirs) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.spare) == 0 {
		return ""
	}
	last := len(d.spare) - 1
	path := d.spare[last]
	d.spare = d.spare[:last]
	return path
}

// Remove removes a directory with all that is in it, and may keep it as a spare one.
// Nobody uses it any more.
func (d *Dirs) Remove(path string) error {
	if d.pristine(path) && d.keep(path) {
		return nil
	}
	return os.RemoveAll(path)
}

// pristine reports whether a directory, and no link to one, is as a new one would be.
func (d *Dirs) pristine(path string) bool {
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil || info.Mode() != d.mode|fs.ModeDir || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return false
	}
	_, err = dir.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

// keep makes a spare directory of an empty one, when it has room.
func (d *Dirs) keep(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || len(d.spare) == most {
		return false
	}
	d.made++
	kept := filepath.Join(d.root, strconv.Itoa(d.made))
	if os.Rename(path, kept) != nil {
		return false
	}
	d.spare = append(d.spare, kept)
	return true
}
