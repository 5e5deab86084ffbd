package tracking

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// InsertRun adds a run of an id that is not made up to the default experiment.
func (s *Store) InsertRun(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		_, err := insertRun(ctx, tx, 0, &metadatav1.TrackingRunInfo{RunId: id, Status: metadatav1.TrackingRunInfo_STATUS_RUNNING})
		return err
	})
}

// SetFew sets how many runs are few for a search.
func (s *Store) SetFew(few int) { s.few = few }

// ForgeToken makes up a page token for a search.
func (s *Store) ForgeToken(request *metadatav1.SearchRunsRequest, driver, segment int, cells []string) (string, error) {
	search, err := newRunSearch(s.db.Dialect(), request)
	if err != nil {
		return "", err
	}
	return bookmark{Search: search.fingerprint, Driver: driver, Segment: segment, Cells: cells}.String(), nil
}
