package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// place is where a file or a tree is or is to be. Names are relative to it,
// with slashes; the empty name is the place itself, when it is a file.
type place interface {
	// walk visits the files there, in no order, until a visit fails;
	// fault.NotFound when nothing is there, which a directory without files is not.
	walk(ctx context.Context, visit func(file) error) error
	// holds reports whether walk would find anything, without looking at all.
	holds(ctx context.Context) (bool, error)
	// open says, too, whether the file may be executed, as far as that is known there.
	open(ctx context.Context, name string) (io.ReadCloser, Executable, error)
	create(ctx context.Context, name string, x Executable) (io.WriteCloser, error)
	close()
}

// Executable is whether a file may be executed. A bucket whose objects are files somewhere
// sets one that its readers are asked for (As), and finds it in the metadata of what is written.
type Executable bool

// ExecutableKey is the key of that in the metadata.
const ExecutableKey = "executable"

// bits are those of a file.
func (x Executable) bits() fs.FileMode {
	if x {
		return 0o755
	}
	return 0o644
}

// executable is what the mode of a file says.
func executable(mode fs.FileMode) Executable { return mode&0o100 != 0 }

// file is one file of a place.
type file struct {
	name     string
	bytes    int64
	modified time.Time
	md5      []byte // of the content, where a bucket knows it
}

// filesOf returns the files of a place, sorted by name.
func filesOf(ctx context.Context, at place) ([]file, error) {
	var files []file
	err := at.walk(ctx, func(f file) error {
		files = append(files, f)
		return nil
	})
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, err
}

// locate finds the place of a URI: a key of this bucket, a local path, or a key
// of any other bucket whose driver the binary registers.
func (b *Bucket) locate(ctx context.Context, uri string) (place, error) {
	dir, local := localPath(uri)
	if local {
		uri = dir
	}
	if key, ok := strings.CutPrefix(uri, b.base+"/"); ok && b.dir == "" {
		return remotePlace{bucket: b.bucket, key: key}, checkKey(key)
	}
	if local {
		return localPlace(dir), nil
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, fault.Invalidf("uri", "%q is neither an absolute path nor an object's URI, such as s3://bucket/key", uri)
	}
	key := strings.Trim(u.Path, "/")
	if err := checkKey(key); err != nil {
		return nil, err
	}
	other, err := gcblob.OpenBucket(ctx, u.Scheme+"://"+u.Host)
	if err != nil {
		return nil, fault.Unavailablef("bucket %s://%s cannot be opened", u.Scheme, u.Host).WithCause(err)
	}
	return remotePlace{bucket: other, key: key, owned: true}, nil
}

// InBucket reports whether a URI names a place in a bucket that this program can
// open: one of another machine's, such as s3://bucket/key, whose driver it links.
func InBucket(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme == "file" || u.Scheme == "mem" {
		return false
	}
	return gcblob.DefaultURLMux().ValidBucketScheme(u.Scheme)
}

// localPath returns the path that a URI means on this host, if it does.
func localPath(uri string) (string, bool) {
	if p, ok := strings.CutPrefix(uri, "file://"); ok {
		uri = p
	}
	if !filepath.IsAbs(uri) {
		return "", false
	}
	return filepath.Clean(uri), true
}

// localPlace is a path of this host.
type localPlace string

func (p localPlace) walk(ctx context.Context, visit func(file) error) error {
	info, err := os.Stat(string(p))
	if err != nil {
		return localFailure(err, string(p))
	}
	if !info.IsDir() {
		return visit(file{bytes: info.Size(), modified: info.ModTime()})
	}
	var refused error // of a visit, to be told from a failure to read
	err = filepath.WalkDir(string(p), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(string(p), at)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		refused = visit(file{name: filepath.ToSlash(name), bytes: info.Size(), modified: info.ModTime()})
		return refused
	})
	if refused != nil {
		return refused
	}
	return localFailure(err, string(p))
}

func (p localPlace) holds(context.Context) (bool, error) {
	_, err := os.Stat(string(p))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, localFailure(err, string(p))
}

func (p localPlace) open(_ context.Context, name string) (io.ReadCloser, Executable, error) {
	file, err := os.Open(p.path(name))
	if err != nil {
		return nil, false, localFailure(err, p.path(name))
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, false, localFailure(err, p.path(name))
	}
	return file, executable(info.Mode()), nil
}

// create writes beside the file's place and renames on Close, so that nobody
// sees half a file.
func (p localPlace) create(_ context.Context, name string, x Executable) (io.WriteCloser, error) {
	target := p.path(name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, localFailure(err, target)
	}
	file, err := os.CreateTemp(filepath.Dir(target), ".kfmesh-*")
	if err != nil {
		return nil, localFailure(err, target)
	}
	return &newFile{File: file, target: target, bits: x.bits()}, nil
}

func (p localPlace) path(name string) string {
	return filepath.Join(string(p), filepath.FromSlash(name))
}

func (localPlace) close() {}

// newFile becomes its target when it is closed, unless a write has failed.
type newFile struct {
	*os.File
	target string
	bits   fs.FileMode
	failed error
}

func (f *newFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.failed = errors.Join(f.failed, err)
	return n, err
}

func (f *newFile) Close() error {
	err := errors.Join(f.failed, f.File.Chmod(f.bits), f.File.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func localFailure(err error, name string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fault.NotFoundf("%s does not exist", name).WithCause(err)
	default:
		return fault.Preconditionf("%s cannot be used", name).WithCause(err)
	}
}

// remotePlace is an object or a tree of objects in a bucket.
type remotePlace struct {
	bucket *gcblob.Bucket
	key    string
	owned  bool // opened for this place alone
}

func (p remotePlace) walk(ctx context.Context, visit func(file) error) error {
	attributes, err := p.bucket.Attributes(ctx, p.key)
	switch {
	case err == nil:
		return visit(file{bytes: attributes.Size, modified: attributes.ModTime, md5: attributes.MD5})
	case gcerrors.Code(err) != gcerrors.NotFound:
		return failure(err, "looked up", p.key)
	}
	objects, found := p.below(), false
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return failure(err, "listed", p.key)
		}
		name := object.Key[len(p.key)+1:]
		if name == "" || !filepath.IsLocal(name) {
			continue
		}
		found = true
		if err := visit(file{name: name, bytes: object.Size, modified: object.ModTime, md5: object.MD5}); err != nil {
			return err
		}
	}
	if !found {
		return fault.NotFoundf("object %s does not exist", p.key)
	}
	return nil
}

func (p remotePlace) holds(ctx context.Context) (bool, error) {
	single, err := p.bucket.Exists(ctx, p.key)
	if err != nil || single {
		return single, failure(err, "looked up", p.key)
	}
	_, err = p.below().Next(ctx)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, failure(err, "listed", p.key)
}

// below lists the objects of a tree.
func (p remotePlace) below() *gcblob.ListIterator {
	return p.bucket.List(&gcblob.ListOptions{Prefix: p.key + "/"})
}

func (p remotePlace) open(ctx context.Context, name string) (io.ReadCloser, Executable, error) {
	r, err := p.bucket.NewReader(ctx, path.Join(p.key, name), nil)
	if err != nil {
		return nil, false, failure(err, "read", path.Join(p.key, name))
	}
	var x Executable
	r.As(&x)
	return r, x, nil
}

func (p remotePlace) create(ctx context.Context, name string, x Executable) (io.WriteCloser, error) {
	options := &gcblob.WriterOptions{ContentType: contentType}
	if x {
		options.Metadata = map[string]string{ExecutableKey: "true"}
	}
	w, err := p.bucket.NewWriter(ctx, path.Join(p.key, name), options)
	if err != nil {
		return nil, failure(err, "written", path.Join(p.key, name))
	}
	return w, nil
}

func (p remotePlace) close() {
	if p.owned {
		_ = p.bucket.Close()
	}
}
