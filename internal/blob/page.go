package blob

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	gcblob "gocloud.dev/blob"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Listed is an object, or a folder, as lists have it.
type Listed struct {
	Key      string // of a folder it ends in a slash
	Folder   bool
	Bytes    int64
	Modified time.Time
	MD5      []byte // of the content, where the bucket knows it

	Executable Executable // where objects are files
}

// Query says which objects a page is to hold.
type Query struct {
	Prefix  string // of their keys
	Shallow bool   // what lies directly below the prefix, and folders as such
	After   []byte // where the page before ended, as it said
	Most    int
}

// Stat describes an object; fault.NotFound when there is none, and when it is a folder.
func (b *Bucket) Stat(ctx context.Context, key string) (Listed, error) {
	if err := checkKey(key); err != nil {
		return Listed{}, err
	}
	if b.dir == "" {
		a, err := b.bucket.Attributes(ctx, key)
		if err != nil {
			return Listed{}, failure(err, "looked up", key)
		}
		return Listed{Key: key, Bytes: a.Size, Modified: a.ModTime, MD5: a.MD5}, nil
	}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return Listed{}, localFailure(err, key)
	}
	defer root.Close()
	found, ok, err := statFile(root, key)
	if err == nil && !ok {
		return Listed{}, fault.NotFoundf("object %s does not exist", key)
	}
	return found, err
}

// Page lists objects by key, and returns where the next page goes on, nothing at
// the end. Links in a directory that lead out of it are not followed.
func (b *Bucket) Page(ctx context.Context, q Query) (objects []Listed, next []byte, err error) {
	if q.Prefix != "" {
		if err := checkKey(strings.TrimSuffix(q.Prefix, "/")); err != nil {
			return nil, nil, err
		}
	}
	if b.dir == "" {
		return b.remotePage(ctx, q)
	}
	objects, err = b.localPage(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(objects, func(a, b Listed) int { return cmp.Compare(a.Key, b.Key) })
	if len(objects) > q.Most {
		objects = objects[:q.Most]
		next = []byte(objects[q.Most-1].Key)
	}
	return objects, next, nil
}

func (b *Bucket) remotePage(ctx context.Context, q Query) ([]Listed, []byte, error) {
	options := &gcblob.ListOptions{Prefix: q.Prefix}
	if q.Shallow {
		options.Delimiter = "/"
	}
	token := q.After
	if len(token) == 0 {
		token = gcblob.FirstPageToken
	}
	page, next, err := b.bucket.ListPage(ctx, token, q.Most, options)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, failure(err, "listed", q.Prefix)
	}
	objects := make([]Listed, len(page))
	for i, o := range page {
		objects[i] = Listed{Key: o.Key, Folder: o.IsDir, Bytes: o.Size, Modified: o.ModTime, MD5: o.MD5}
	}
	return objects, next, nil
}

// localPage returns, in no order, all objects of a directory that belong to a page
// or to a later one.
func (b *Bucket) localPage(ctx context.Context, q Query) ([]Listed, error) {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, localFailure(err, q.Prefix)
	}
	defer root.Close()
	var objects []Listed
	begin := path.Clean(q.Prefix[:strings.LastIndex(q.Prefix, "/")+1])
	err = fs.WalkDir(root.FS(), begin, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case gone(err):
			return nil
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case name == begin && entry.IsDir():
			return nil
		case name == incoming:
			return fs.SkipDir
		case entry.IsDir():
			return q.folder(name, &objects)
		case !strings.HasPrefix(name, q.Prefix) || name <= string(q.After):
			return nil
		}
		object, ok, err := statFile(root, name)
		if ok {
			objects = append(objects, object)
		}
		return err
	})
	return objects, localFailure(err, q.Prefix)
}

// folder enters a folder that a shallow page shows, and says whether to go into it.
func (q Query) folder(name string, objects *[]Listed) error {
	key := name + "/"
	switch {
	case !strings.HasPrefix(key, q.Prefix) && !strings.HasPrefix(q.Prefix, key):
		return fs.SkipDir
	case !q.Shallow || !strings.HasPrefix(key, q.Prefix):
		return nil
	case key > string(q.After):
		*objects = append(*objects, Listed{Key: key, Folder: true})
	}
	return fs.SkipDir
}

// statFile describes a file of a directory bucket, and says whether it is one.
func statFile(root *os.Root, name string) (Listed, bool, error) {
	info, err := root.Stat(name)
	if err != nil {
		if info, linkErr := root.Lstat(name); linkErr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return Listed{}, false, nil // a link to nowhere, or out of the bucket
		}
		if gone(err) {
			return Listed{}, false, nil
		}
		return Listed{}, false, localFailure(err, name)
	}
	found := Listed{Key: name, Bytes: info.Size(), Modified: info.ModTime(), Executable: executable(info.Mode())}
	return found, info.Mode().IsRegular(), nil
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
