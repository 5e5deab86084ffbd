package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	files, err := b.files(ctx, uri)
	for _, f := range files {
		u.Files++
		u.Bytes += f.bytes
		if f.modified.After(u.Newest) {
			u.Newest = f.modified
		}
	}
	return u, err
}

// Stamp tells states of the file or tree at a URI apart without reading it. It
// is made of the names and MD5s of the files where the bucket knows those of all,
// and then says all about the content; otherwise of their names, sizes and times,
// and says only whether something was written since.
func (b *Bucket) Stamp(ctx context.Context, uri string) (stamp string, content bool, err error) {
	files, err := b.files(ctx, uri)
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
	kind := "written:"
	if content {
		kind = "md5:"
	}
	return kind + hex.EncodeToString(sum.Sum(nil)), content, nil
}

func (b *Bucket) files(ctx context.Context, uri string) ([]file, error) {
	at, err := b.locate(ctx, uri)
	if err != nil {
		return nil, err
	}
	defer at.close()
	return at.files(ctx)
}
