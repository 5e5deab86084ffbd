package archive

import (
	"context"
	"iter"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// PutAll stores many records in one transaction, which fills a benchmark's
// archive in seconds.
func PutAll(ctx context.Context, db *sqlstore.DB, records iter.Seq[*metadatav1.Record]) error {
	return db.Write(ctx, func(tx *sqlstore.Tx) error {
		for record := range records {
			if err := put(ctx, tx, record); err != nil {
				return err
			}
		}
		return nil
	})
}
