package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	gcblob "gocloud.dev/blob"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// childrenAtOnce is how many names of a directory are read at a time.
const childrenAtOnce = 512

// Child is what lies directly below a key: an object or a folder.
type Child struct {
	Name     string
	Folder   bool
	Bytes    int64     // of an object
	Modified time.Time // of an object
}

// Children goes through what lies directly below a key, in no order. It ends
// after the first error. Below an object, and a key that does not exist, lies nothing.
func (b *Bucket) Children(ctx context.Context, key string) iter.Seq2[Child, error] {
	return func(yield func(Child, error) bool) {
		if err := checkKey(key); err != nil {
			yield(Child{}, err)
			return
		}
		if b.dir != "" {
			b.localChildren(ctx, key, yield)
			return
		}
		b.remoteChildren(ctx, key, yield)
	}
}

func (b *Bucket) localChildren(ctx context.Context, key string, yield func(Child, error) bool) {
	dir, err := b.openLocal(key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return
	}
	if err != nil {
		yield(Child{}, localFailure(err, key))
		return
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(childrenAtOnce)
		for _, entry := range entries {
			child, err := localChild(entry)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has gone meanwhile
			}
			if !yield(child, errors.Join(localFailure(err, entry.Name()), ctx.Err())) || err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ENOTDIR) {
				yield(Child{}, localFailure(err, key))
			}
			return
		}
	}
}

// openLocal opens what is at a key of a directory bucket. Links that lead out of it
// are not followed.
func (b *Bucket) openLocal(key string) (*os.File, error) {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(key)
}

func localChild(entry fs.DirEntry) (Child, error) {
	if entry.IsDir() {
		return Child{Name: entry.Name(), Folder: true}, nil
	}
	info, err := entry.Info()
	if err != nil {
		return Child{}, err
	}
	return Child{Name: entry.Name(), Bytes: info.Size(), Modified: info.ModTime()}, nil
}

func (b *Bucket) remoteChildren(ctx context.Context, key string, yield func(Child, error) bool) {
	objects := b.bucket.List(&gcblob.ListOptions{Prefix: key + "/", Delimiter: "/"})
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Child{}, failure(err, "listed", key))
			return
		}
		name := strings.TrimSuffix(object.Key[len(key)+1:], "/")
		child := Child{Name: name, Folder: object.IsDir, Bytes: object.Size, Modified: object.ModTime}
		if name != "" && !yield(child, nil) {
			return
		}
	}
}

// RemoveTree removes the object or the tree at a key. What does not exist is no
// error; a tree whose removal fails may be gone in part.
func (b *Bucket) RemoveTree(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if b.dir != "" {
		return b.removeLocal(key)
	}
	at := remotePlace{bucket: b.bucket, key: key}
	files, err := filesOf(ctx, at)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		name := key
		if f.name != "" {
			name += "/" + f.name
		}
		if err := b.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// removeLocal removes what is at a key of a directory bucket.
func (b *Bucket) removeLocal(key string) error {
	root, err := os.OpenRoot(b.dir)
	if err == nil {
		err = errors.Join(root.RemoveAll(filepath.FromSlash(key)), root.Close())
	}
	if err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return fault.Unavailablef("%s could not be removed", key).WithCause(err)
	}
	return nil
}
