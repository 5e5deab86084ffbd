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
