package api

import (
	"context"
	"sync"

	"google.golang.org/protobuf/types/known/emptypb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/archive"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// archiveServer is ArchiveService.
type archiveServer struct {
	metadatav1.UnimplementedArchiveServiceServer
	source Source

	mu   sync.Mutex
	db   *sqlstore.DB     // guarded by mu; that of kept
	kept *archive.Archive // guarded by mu; it remembers names and totals from one request to the next
}

func (s *archiveServer) archive(ctx context.Context) (*archive.Archive, error) {
	db, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != db {
		s.db, s.kept = db, archive.New(db)
	}
	return s.kept, nil
}

// PutRecord implements ArchiveService.
func (s *archiveServer) PutRecord(ctx context.Context, r *metadatav1.PutRecordRequest) (*emptypb.Empty, error) {
	if err := archive.Check(r.GetRecord()); err != nil {
		return nil, err
	}
	a, err := s.archive(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Put(ctx, r.GetRecord()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// GetRecord implements ArchiveService.
func (s *archiveServer) GetRecord(ctx context.Context, r *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
	a, err := s.archive(ctx)
	if err != nil {
		return nil, err
	}
	return a.Get(ctx, r.GetKind(), r.GetUid())
}

// ListRecords implements ArchiveService.
func (s *archiveServer) ListRecords(ctx context.Context, r *metadatav1.ListRecordsRequest) (*metadatav1.ListRecordsResponse, error) {
	a, err := s.archive(ctx)
	if err != nil {
		return nil, err
	}
	return a.List(ctx, r)
}

// DeleteRecord implements ArchiveService.
func (s *archiveServer) DeleteRecord(ctx context.Context, r *metadatav1.DeleteRecordRequest) (*emptypb.Empty, error) {
	a, err := s.archive(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Delete(ctx, r.GetKind(), r.GetUid()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
