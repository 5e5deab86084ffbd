package remote

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// mostObjects is how many objects a page holds.
const mostObjects = 1000

// Register has a server serve a bucket, all of it, to whoever may call.
func Register(server grpc.ServiceRegistrar, bucket *blob.Bucket) {
	doorv1.RegisterBlobServiceServer(server, &service{bucket: bucket})
}

type service struct {
	doorv1.UnimplementedBlobServiceServer

	bucket *blob.Bucket
}

// DescribeBucket implements BlobService.
func (s *service) DescribeBucket(context.Context, *doorv1.DescribeBucketRequest) (*doorv1.DescribeBucketResponse, error) {
	return &doorv1.DescribeBucketResponse{Base: s.bucket.Base()}, nil
}

// GetObject implements BlobService.
func (s *service) GetObject(ctx context.Context, req *doorv1.GetObjectRequest) (*doorv1.Object, error) {
	found, err := s.bucket.Stat(ctx, req.GetKey())
	if err != nil {
		return nil, err
	}
	return wireObject(found), nil
}

// ListObjects implements BlobService.
func (s *service) ListObjects(ctx context.Context, req *doorv1.ListObjectsRequest) (*doorv1.ListObjectsResponse, error) {
	q := blob.Query{Prefix: req.GetPrefix(), Shallow: req.GetShallow(), After: req.GetPageToken(), Most: mostObjects}
	if req.GetPageSize() > 0 {
		q.Most = int(req.GetPageSize())
	}
	objects, next, err := s.bucket.Page(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &doorv1.ListObjectsResponse{NextPageToken: next, Objects: make([]*doorv1.Object, len(objects))}
	for i, o := range objects {
		out.Objects[i] = wireObject(o)
	}
	return out, nil
}

// ReadObject implements BlobService.
func (s *service) ReadObject(req *doorv1.ReadObjectRequest, stream doorv1.BlobService_ReadObjectServer) error {
	object, err := s.bucket.View(stream.Context(), req.GetKey())
	if err != nil {
		return err
	}
	defer object.Close()
	from := min(req.GetOffset(), object.Bytes)
	if from > 0 {
		if _, err := object.Seek(from, io.SeekStart); err != nil {
			return fault.Unavailablef("object %s could not be read", req.GetKey()).WithCause(err)
		}
	}
	left := object.Bytes - from // what is written meanwhile is of the next object of the name
	if req.GetLength() >= 0 {
		left = min(left, req.GetLength())
	}
	piece := &doorv1.ReadObjectResponse{Object: wireObject(blob.Listed{
		Key: req.GetKey(), Bytes: object.Bytes, Modified: object.Modified, Executable: object.Executable,
	})}
	for first := true; first || left > 0; first = false {
		piece.Content = make([]byte, min(left, pieceBytes)) // gRPC may keep it
		if _, err := io.ReadFull(object, piece.Content); err != nil {
			return fault.Unavailablef("object %s could not be read to its end", req.GetKey()).WithCause(err)
		}
		if err := stream.Send(piece); err != nil {
			return err
		}
		left -= int64(len(piece.Content))
		piece = &doorv1.ReadObjectResponse{}
	}
	return nil
}

// WriteObject implements BlobService.
func (s *service) WriteObject(stream doorv1.BlobService_WriteObjectServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	content := &incoming{stream: stream, rest: first.GetContent(), complete: first.GetComplete()}
	if err := s.bucket.StoreAs(stream.Context(), first.GetKey(), content, blob.Executable(first.GetExecutable())); err != nil {
		return err
	}
	return stream.SendAndClose(&doorv1.WriteObjectResponse{})
}

// DeleteObject implements BlobService.
func (s *service) DeleteObject(ctx context.Context, req *doorv1.DeleteObjectRequest) (*doorv1.DeleteObjectResponse, error) {
	if _, err := s.bucket.Stat(ctx, req.GetKey()); err != nil {
		return nil, err
	}
	return &doorv1.DeleteObjectResponse{}, s.bucket.Delete(ctx, req.GetKey())
}

// incoming is the content of an object that is being sent. It ends only when the
// sender has said that all has been.
type incoming struct {
	stream   doorv1.BlobService_WriteObjectServer
	rest     []byte
	complete bool
}

// Read implements io.Reader.
func (r *incoming) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.complete {
			return 0, io.EOF
		}
		piece, err := r.stream.Recv()
		if errors.Is(err, io.EOF) {
			return 0, fault.New(fault.Canceled, "the object was cut off before its end")
		}
		if err != nil {
			return 0, err
		}
		r.rest, r.complete = piece.GetContent(), piece.GetComplete()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func wireObject(o blob.Listed) *doorv1.Object {
	out := &doorv1.Object{Key: o.Key, Bytes: o.Bytes, Md5: o.MD5, Folder: o.Folder, Executable: bool(o.Executable)}
	if !o.Modified.IsZero() {
		out.ModifyTime = timestamppb.New(o.Modified)
	}
	return out
}
