package remote

import (
	"context"
	"errors"
	"io"

	"gocloud.dev/blob/driver"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
)

// NewRangeReader implements driver.Bucket.
func (b bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	receiving, giveUp := context.WithCancel(ctx)
	stream, err := b.client.ReadObject(receiving, &doorv1.ReadObjectRequest{Key: key, Offset: offset, Length: length})
	if err != nil {
		giveUp()
		return nil, ended(ctx, err)
	}
	first, err := stream.Recv()
	if err != nil {
		giveUp()
		return nil, ended(ctx, err)
	}
	return &reader{ctx: ctx, stream: stream, giveUp: giveUp, object: first.GetObject(), rest: first.GetContent()}, nil
}

// reader reads an object as it comes.
type reader struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no room for it
	stream doorv1.BlobService_ReadObjectClient
	giveUp context.CancelFunc
	object *doorv1.Object
	rest   []byte // has come and was not read
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		piece, err := r.stream.Recv()
		if err != nil {
			return 0, ended(r.ctx, err)
		}
		r.rest = piece.GetContent()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.giveUp()
	return nil
}

// Attributes implements driver.Reader.
func (r *reader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.object.GetBytes(), ModTime: modified(r.object)}
}

// As implements driver.Reader, for blob.Executable.
func (r *reader) As(i any) bool {
	x, ok := i.(*blob.Executable)
	if ok {
		*x = blob.Executable(r.object.GetExecutable())
	}
	return ok
}

// NewTypedWriter implements driver.Bucket. Objects have no type.
func (b bucket) NewTypedWriter(ctx context.Context, key, _ string, o *driver.WriterOptions) (driver.Writer, error) {
	sending, giveUp := context.WithCancel(ctx)
	stream, err := b.client.WriteObject(sending)
	if err != nil {
		giveUp()
		return nil, ended(ctx, err)
	}
	w := &writer{ctx: ctx, stream: stream, giveUp: giveUp}
	if err := w.send(&doorv1.WriteObjectRequest{Key: key, Executable: o.Metadata[blob.ExecutableKey] != ""}); err != nil {
		giveUp()
		return nil, err
	}
	return w, nil
}

// writer sends an object as it is written.
type writer struct {
	ctx    context.Context //nolint:containedctx // io.Writer has no room for it
	stream doorv1.BlobService_WriteObjectClient
	giveUp context.CancelFunc
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+pieceBytes)]
		if err := w.send(&doorv1.WriteObjectRequest{Content: piece}); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return written, nil
}

// Close implements io.Closer: the object exists once it has returned nil, and never
// when the writer's context has ended before.
func (w *writer) Close() error {
	defer w.giveUp()
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := w.send(&doorv1.WriteObjectRequest{Complete: true}); err != nil {
		return err
	}
	_, err := w.stream.CloseAndRecv()
	return ended(w.ctx, err)
}

// send sends a message. When the server has ended the call already, its answer says why.
func (w *writer) send(m *doorv1.WriteObjectRequest) error {
	err := w.stream.Send(m)
	if errors.Is(err, io.EOF) {
		if _, err = w.stream.CloseAndRecv(); err == nil {
			err = io.ErrUnexpectedEOF
		}
	}
	return ended(w.ctx, err)
}

// ended is why a call failed: the end of its context, when that has come, whatever
// the call made of it.
func ended(ctx context.Context, err error) error {
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
