package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Holds reports whether there is a file or a tree at a URI.
func (b *Bucket) Holds(ctx context.Context, uri string) (bool, error) {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return false, err
	}
	defer at.close()
	return at.holds(ctx)
}

// Usage is what a file or a tree takes up.
type Usage struct {
	Files  int
	Bytes  int64
	Newest time.Time // when a file of it was last written; zero without files
}

// Measure adds up the file or tree at a URI; fault.NotFound when there is none.
func (b *Bucket) Measure(ctx context.Context, uri string) (Usage, error) {
	var u Usage
	err := b.walk(ctx, uri, func(f file) error {
		u.add(f)
		return nil
	})
	return u, err
}

func (u *Usage) add(f file) {
	u.Files++
	u.Bytes += f.bytes
	if f.modified.After(u.Newest) {
		u.Newest = f.modified
	}
}

// File is one file of a tree, or the file that a URI names, whose name then is empty.
type File struct {
	Name     string // with slashes
	Bytes    int64
	Modified time.Time
}

// Files lists the file or tree at a URI, by name; fault.NotFound when there is none.
func (b *Bucket) Files(ctx context.Context, uri string) ([]File, error) {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return nil, err
	}
	defer at.close()
	found, err := filesOf(ctx, at)
	files := make([]File, len(found))
	for i, f := range found {
		files[i] = File{Name: f.name, Bytes: f.bytes, Modified: f.modified}
	}
	return files, err
}

// Fits reports whether the file or tree at a URI has no more files and bytes than
// a usage. It looks at no more than it must; fault.NotFound when there is nothing.
func (b *Bucket) Fits(ctx context.Context, uri string, most Usage) (bool, error) {
	var u Usage
	err := b.walk(ctx, uri, func(f file) error {
		if u.add(f); u.Files > most.Files || u.Bytes > most.Bytes {
			return errTooMuch
		}
		return nil
	})
	if errors.Is(err, errTooMuch) {
		return false, nil
	}
	return err == nil, err
}

var errTooMuch = errors.New("there is more than was asked for")

// Stamp tells states of the file or tree at a URI apart without reading it. It is
// made of the names and MD5s of the files where the bucket knows those of all, and
// then is one of the content, wherever it is; otherwise of their names, sizes and
// times, and says only whether something was written since.
func (b *Bucket) Stamp(ctx context.Context, uri string) (stamp string, content bool, err error) {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return "", false, err
	}
	defer at.close()
	files, err := filesOf(ctx, at)
	if err != nil {
		return "", false, err
	}
	content = len(files) > 0
	for _, f := range files {
		content = content && len(f.md5) > 0
	}
	sum := sha256.New()
	for _, f := range files {
		if content {
			fmt.Fprintf(sum, "%x %s\n", f.md5, f.name)
		} else {
			fmt.Fprintf(sum, "%d %d %s\n", f.bytes, f.modified.UnixNano(), f.name)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), content, nil
}

func (b *Bucket) walk(ctx context.Context, uri string, visit func(file) error) error {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return err
	}
	defer at.close()
	return at.walk(ctx, visit)
}
