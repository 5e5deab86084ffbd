package blob

import (
	"context"
	"errors"
	"io"
	"path/filepath"
)

// Upload copies the local file or tree at path to a URI. It does nothing when
// the URI is that very path. fault.NotFound when there is nothing at path.
func (b *Bucket) Upload(ctx context.Context, uri, path string) error {
	target, err := b.locate(ctx, uri)
	if err != nil {
		return err
	}
	defer target.close()
	return transfer(ctx, localPlace(filepath.Clean(path)), target)
}

// Download copies the file or tree at a URI to a local path. It does nothing
// when the URI is that very path. fault.NotFound when there is nothing there.
func (b *Bucket) Download(ctx context.Context, uri, path string) error {
	source, err := b.locate(ctx, uri)
	if err != nil {
		return err
	}
	defer source.close()
	return transfer(ctx, source, localPlace(filepath.Clean(path)))
}

// transfer copies every file at source to the same name at target. A file is whole
// or not there; a tree whose copying fails may be there in part.
func transfer(ctx context.Context, source, target place) error {
	if source == target {
		return nil
	}
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

func copyFile(ctx context.Context, source, target place, name string) error {
	r, x, err := source.open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	w, err := target.create(writing, name, x)
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
