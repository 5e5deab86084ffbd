package blob

import (
	"context"
	"errors"
	"io"
)

// Upload copies the local file or tree at path to a URI. It does nothing when
// the URI is that very path. fault.NotFound when there is nothing at path.
func (b *Bucket) Upload(ctx context.Context, uri, path string) error {
	return b.transfer(ctx, path, uri)
}

// Download copies the file or tree at a URI to a local path. It does nothing
// when the URI is that very path. fault.NotFound when there is nothing there.
func (b *Bucket) Download(ctx context.Context, uri, path string) error {
	return b.transfer(ctx, uri, path)
}

// transfer copies every file at from to the same name at to. A file is whole or
// not there; a tree whose copying fails may be there in part.
func (b *Bucket) transfer(ctx context.Context, from, to string) error {
	if same(from, to) {
		return nil
	}
	source, err := b.locate(ctx, from)
	if err != nil {
		return err
	}
	defer source.close()
	target, err := b.locate(ctx, to)
	if err != nil {
		return err
	}
	defer target.close()
	files, err := filesOf(ctx, source)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(ctx, source, target, f.name); err != nil {
			return err
		}
	}
	return nil
}

// same says whether two URIs are one local path.
func same(a, b string) bool {
	pathA, localA := localPath(a)
	pathB, localB := localPath(b)
	return localA && localB && pathA == pathB
}

func copyFile(ctx context.Context, source, target place, name string) error {
	r, err := source.open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	w, err := target.create(writing, name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		giveUp() // before Close, which would otherwise keep the half that was written
		abandon(w)
		return failure(err, "copied", name)
	}
	if err := w.Close(); err != nil {
		return failure(err, "written", name)
	}
	return nil
}

// abandon closes a writer whose object must not come to be.
func abandon(w io.WriteCloser) {
	if f, ok := w.(*newFile); ok {
		f.failed = errors.Join(f.failed, errGivenUp)
	}
	_ = w.Close()
}

var errGivenUp = errors.New("given up")
