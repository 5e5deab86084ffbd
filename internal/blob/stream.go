package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// incoming is the folder of a directory bucket for objects that are being written
// by Store: what a process that died left there is seen by nobody.
const incoming = ".incoming"

// abandoned is how old a file in incoming is when nobody writes it any more.
const abandoned = 24 * time.Hour

// Store writes an object of any length from a stream, holding little of it in
// memory. When the stream fails or ctx ends there is no object, nor a folder for
// it, and the error is the stream's own. fault.Precondition when a folder has the
// object's name, or an object that of one of its folders.
func (b *Bucket) Store(ctx context.Context, key string, content io.Reader) error {
	return b.StoreAs(ctx, key, content, false)
}

// StoreAs is Store of what may be a file that can be executed, where objects are files.
func (b *Bucket) StoreAs(ctx context.Context, key string, content io.Reader, x Executable) error {
	if err := checkKey(key); err != nil {
		return err
	}
	source := &stream{ctx: ctx, Reader: content}
	var err error
	if b.dir != "" {
		err = b.storeFile(key, source, x)
	} else {
		err = b.storeObject(ctx, key, source)
	}
	if source.failed != nil {
		return source.failed
	}
	return err
}

// stream is a reader that ends with its context and keeps its error.
type stream struct {
	ctx context.Context //nolint:containedctx // io.Reader has no room for it
	io.Reader
	failed error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.failed = s.ctx.Err(); s.failed != nil {
		return 0, s.failed
	}
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

func (b *Bucket) storeObject(ctx context.Context, key string, content io.Reader) error {
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	w, err := b.Create(writing, key)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, content); err != nil {
		giveUp() // before Close, which would otherwise keep the half that was written
		abandon(w)
		return failure(err, "written", key)
	}
	return failure(w.Close(), "written", key)
}

// storeFile writes beside all objects, and moves the file to its place at the end.
// Links in the bucket that lead out of it are not followed.
func (b *Bucket) storeFile(key string, content io.Reader, x Executable) error {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return storeFailure(err, key)
	}
	defer root.Close()
	if err := root.MkdirAll(incoming, 0o755); err != nil {
		return storeFailure(err, key)
	}
	file, err := os.CreateTemp(filepath.Join(b.dir, incoming), "*")
	if err != nil {
		return storeFailure(err, key)
	}
	name := path.Join(incoming, filepath.Base(file.Name()))
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Chmod(x.bits()), file.Close())
	if err == nil {
		err = root.MkdirAll(path.Dir(key), 0o755)
	}
	if err == nil {
		err = root.Rename(name, key)
	}
	if err != nil {
		_ = root.Remove(name)
		return storeFailure(err, key)
	}
	return nil
}

func storeFailure(err error, key string) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, fs.ErrExist) {
		return fault.Preconditionf("%s cannot be written: a folder has its name, or a file that of one of its folders", key).WithCause(err)
	}
	return fault.Unavailablef("%s could not be written", key).WithCause(err)
}

// sweepIncoming removes what was left of writes whose process died.
func sweepIncoming(dir string) {
	entries, err := os.ReadDir(filepath.Join(dir, incoming))
	if err != nil {
		return // nothing was ever stored here
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(dir, incoming, entry.Name()))
		}
	}
}

// Object is an object that is being read, from any byte on. Close ends it.
type Object struct {
	io.ReadSeekCloser
	Bytes      int64
	Modified   time.Time
	Executable Executable // where objects are files
}

// View reads an object as a stream that can be read from any byte on, which the
// caller closes. Links in a directory that lead out of it are not followed.
// fault.NotFound when there is none, fault.Precondition when it is a folder.
func (b *Bucket) View(ctx context.Context, key string) (*Object, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if b.dir != "" {
		return b.viewFile(key)
	}
	r, err := b.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, failure(err, "read", key)
	}
	return &Object{ReadSeekCloser: r, Bytes: r.Size(), Modified: r.ModTime()}, nil
}

func (b *Bucket) viewFile(key string) (*Object, error) {
	file, err := b.openLocal(key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fault.NotFoundf("object %s does not exist", key).WithCause(err)
	}
	if err != nil {
		return nil, fault.Preconditionf("%s cannot be read: it may be a link out of the bucket", key).WithCause(err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, fault.Preconditionf("%s is a folder, not a file", key).WithCause(err)
	}
	return &Object{ReadSeekCloser: file, Bytes: info.Size(), Modified: info.ModTime(), Executable: executable(info.Mode())}, nil
}
