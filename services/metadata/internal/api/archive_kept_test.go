package api

import (
	"context"
	"testing"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// TestRequestsShareAnArchive keeps what the archive remembers of a database from
// being forgotten with every request.
func TestRequestsShareAnArchive(t *testing.T) {
	db := sqltest.SQLite(t)
	s := &archiveServer{source: func(context.Context) (*sqlstore.DB, error) { return db, nil }}
	first, err := s.archive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.archive(t.Context())
	if err != nil || first != second {
		t.Errorf("another archive for the second request, %v", err)
	}
}
