// Package blob is the object store: artifacts, large specs, logs of the past.
//
// A Bucket is a directory, S3, GCS or Azure behind one interface
// (gocloud.dev/blob). Where it is a directory, the URI of an object is its plain
// absolute path, so that processes of the same host read and write artifacts in
// place and nothing is copied.
//
// Objects are whole or not there: a write that fails or is given up leaves
// nothing. A tree is every object whose key starts with a prefix and a slash.
// What is named by its digest is never changed, so writing it again is free.
package blob

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path"
	"strings"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem:// for tests
	"gocloud.dev/gcerrors"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Bucket is a place for objects. It is safe for concurrent use.
type Bucket struct {
	bucket *gcblob.Bucket
	dir    string // absolute path of a directory bucket, otherwise empty
	base   string // what URI puts before "/"+key
}

// Open opens the bucket at an address: a directory, as an absolute path or
// file:///path, which is made when it does not exist; mem:// for one that lasts
// as long as the process; or that of a driver the binary registers, such as
// s3://bucket?region=eu-central-1. With ?prefix=a/ keys are under that prefix.
// Errors name no more of an address than its bucket: the rest may hold secrets.
func Open(ctx context.Context, address string) (*Bucket, error) {
	if dir, ok := localPath(address); ok {
		return openDir(dir)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, fault.Invalidf("blob-url", "is neither an absolute path nor the URL of a bucket, such as s3://bucket?region=eu-central-1")
	}
	bucket, err := gcblob.OpenBucket(ctx, address)
	if err != nil {
		return nil, fault.Unavailablef("bucket %s://%s cannot be opened", u.Scheme, u.Host).WithCause(err)
	}
	base := u.Scheme + "://" + path.Join(u.Host, u.Path, u.Query().Get("prefix"))
	return &Bucket{bucket: bucket, base: base}, nil
}

// Over returns the bucket that a driver reaches. Outside, an object is called base,
// a slash and its key. A base that is a path of another machine is none of this one's:
// what is called so is in the bucket, whatever is on this machine's disk.
func Over(bucket driver.Bucket, base string) *Bucket {
	return &Bucket{bucket: gcblob.NewBucket(bucket), base: base}
}

// openDir opens a directory. Its objects are files under their own names, each
// written beside its place and renamed, without files that describe them.
func openDir(dir string) (*Bucket, error) {
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o755,
		NoTempDir:   true,
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fault.Unavailablef("directory %s cannot be used for blobs", dir).WithCause(err)
	}
	sweepIncoming(dir)
	return &Bucket{bucket: bucket, dir: dir, base: dir}, nil
}

// Close ends the use of the bucket.
func (b *Bucket) Close() error { return b.bucket.Close() }

// Local returns the directory that the bucket is, and whether it is one.
func (b *Bucket) Local() (dir string, ok bool) { return b.dir, b.dir != "" }

// URI returns what the object is called outside: its absolute path in a
// directory, otherwise a URL such as s3://bucket/key.
func (b *Bucket) URI(key string) string { return b.base + "/" + key }

// Base returns what URI puts before the slash and the key.
func (b *Bucket) Base() string { return b.base }

// Put writes an object whole.
func (b *Bucket) Put(ctx context.Context, key string, content []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := b.bucket.WriteAll(ctx, key, content, &gcblob.WriterOptions{ContentType: contentType})
	return failure(err, "written", key)
}

// Get reads an object whole; fault.NotFound when there is none.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	content, err := b.bucket.ReadAll(ctx, key)
	return content, failure(err, "read", key)
}

// Exists says whether there is such an object.
func (b *Bucket) Exists(ctx context.Context, key string) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	exists, err := b.bucket.Exists(ctx, key)
	return exists, failure(err, "looked up", key)
}

// Delete removes an object. One that does not exist is not an error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := b.bucket.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return failure(err, "deleted", key)
}

// Open reads an object as a stream, which the caller closes; fault.NotFound
// when there is none.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := b.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, failure(err, "read", key)
	}
	return r, nil
}

// Create writes an object as a stream. It exists once Close has returned nil;
// when ctx ends before that, it never does.
func (b *Bucket) Create(ctx context.Context, key string) (io.WriteCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	w, err := b.bucket.NewWriter(ctx, key, &gcblob.WriterOptions{ContentType: contentType})
	if err != nil {
		return nil, failure(err, "written", key)
	}
	return w, nil
}

// contentType of every object: readers know what they asked for, and guessing
// would read each object's beginning.
const contentType = "application/octet-stream"

// checkKey returns an error unless key is a clean relative path, which is also
// the name of its file in a directory bucket.
func checkKey(key string) error {
	if key == "" || key == "." || path.Clean(key) != key || key[0] == '/' || key == ".." ||
		strings.HasPrefix(key, "../") || strings.Contains(key, "__0x") || hasControl(key) {
		return fault.Invalidf("key", "%q is not the name of an object: it must be a clean relative path", key)
	}
	return nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// failure turns a driver's error into a fault that says what could not be done.
func failure(err error, done, key string) error {
	if err == nil {
		return nil
	}
	if made, ok := errors.AsType[*fault.Error](err); ok {
		return made // by who serves the bucket
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Canceled, "the request was given up").WithCause(err)
	case gcerrors.Code(err) == gcerrors.NotFound:
		return fault.NotFoundf("object %s does not exist", key).WithCause(err)
	default:
		return fault.Unavailablef("object %s could not be %s", key, done).WithCause(err)
	}
}
