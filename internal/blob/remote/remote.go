// Package remote is the object store that another process serves over gRPC: the
// head's, as an agent on another machine reads and writes it.
//
// Open returns the client's side as a bucket like any other, Register serves one.
// An object that is being written is seen by nobody until all of it has come; a
// call that is cut off leaves nothing. Keys are clean relative paths, and links
// that lead out of a directory are not followed.
package remote

import (
	"context"
	"time"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// pieceBytes is how much content a message carries.
const pieceBytes = 256 << 10

// Open returns the bucket that is served at the other end of a connection, which
// must return faults, as those of internal/rpc do, and outlive the bucket. Objects
// are called outside what the server calls them.
func Open(ctx context.Context, conn grpc.ClientConnInterface) (*blob.Bucket, error) {
	client := doorv1.NewBlobServiceClient(conn)
	described, err := client.DescribeBucket(ctx, &doorv1.DescribeBucketRequest{})
	if err != nil {
		return nil, err
	}
	return blob.Over(bucket{client: client}, described.GetBase()), nil
}

// bucket is a gocloud driver.
type bucket struct{ client doorv1.BlobServiceClient }

var _ driver.Bucket = bucket{}

// codes are how gocloud calls what faults are.
var codes = map[fault.Kind]gcerrors.ErrorCode{
	fault.NotFound:        gcerrors.NotFound,
	fault.AlreadyExists:   gcerrors.AlreadyExists,
	fault.Precondition:    gcerrors.FailedPrecondition,
	fault.Invalid:         gcerrors.InvalidArgument,
	fault.Denied:          gcerrors.PermissionDenied,
	fault.Unauthenticated: gcerrors.PermissionDenied,
	fault.Exhausted:       gcerrors.ResourceExhausted,
	fault.Canceled:        gcerrors.Canceled,
	fault.Internal:        gcerrors.Internal,
}

// errUnsupported is the failure of what no kfmesh service asks of a bucket.
var errUnsupported = fault.New(fault.Precondition, "the bucket of another machine cannot do this")

// ErrorCode implements driver.Bucket.
func (bucket) ErrorCode(err error) gcerrors.ErrorCode {
	for kind, code := range codes {
		if fault.Is(err, kind) {
			return code
		}
	}
	return gcerrors.Unknown
}

// As implements driver.Bucket.
func (bucket) As(any) bool { return false }

// ErrorAs implements driver.Bucket.
func (bucket) ErrorAs(error, any) bool { return false }

// Close implements driver.Bucket; the connection is another's.
func (bucket) Close() error { return nil }

// Attributes implements driver.Bucket.
func (b bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	o, err := b.client.GetObject(ctx, &doorv1.GetObjectRequest{Key: key})
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{Size: o.GetBytes(), ModTime: modified(o), MD5: o.GetMd5()}, nil
}

// ListPaged implements driver.Bucket.
func (b bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	page, err := b.client.ListObjects(ctx, &doorv1.ListObjectsRequest{
		Prefix: o.Prefix, Shallow: o.Delimiter != "", PageToken: o.PageToken, PageSize: int32(min(o.PageSize, mostObjects)),
	})
	if err != nil {
		return nil, err
	}
	objects := make([]*driver.ListObject, len(page.GetObjects()))
	for i, o := range page.GetObjects() {
		objects[i] = &driver.ListObject{
			Key: o.GetKey(), Size: o.GetBytes(), ModTime: modified(o), MD5: o.GetMd5(), IsDir: o.GetFolder(),
		}
	}
	return &driver.ListPage{Objects: objects, NextPageToken: page.GetNextPageToken()}, nil
}

// Delete implements driver.Bucket.
func (b bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	_, err := b.client.DeleteObject(ctx, &doorv1.DeleteObjectRequest{Key: key})
	return err
}

// Copy implements driver.Bucket.
func (bucket) Copy(context.Context, string, string, *driver.CopyOptions) error { return errUnsupported }

// SignedURL implements driver.Bucket.
func (bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errUnsupported
}

// modified is when an object was last written, zero when nobody knows.
func modified(o *doorv1.Object) time.Time {
	if o.GetModifyTime() == nil {
		return time.Time{}
	}
	return o.GetModifyTime().AsTime()
}
