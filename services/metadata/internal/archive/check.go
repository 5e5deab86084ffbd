package archive

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Check says everything that is wrong with a record: no kind, no uid, a time
// that cannot be stored.
func Check(record *metadatav1.Record) error {
	var wrong []fault.Violation
	if record.GetKind() == "" {
		wrong = append(wrong, fault.Violation{Field: "record.kind", Reason: `is empty; want a kind such as "pipeline.run"`})
	}
	if record.GetUid() == "" {
		wrong = append(wrong, fault.Violation{Field: "record.uid", Reason: "is empty; want the id of the resource"})
	}
	times := []struct {
		field string
		value *timestamppb.Timestamp
	}{
		{"created_at", record.GetCreatedAt()},
		{"scheduled_at", record.GetScheduledAt()},
		{"finished_at", record.GetFinishedAt()},
	}
	for _, t := range times {
		if reason := sqlstore.CheckTime(t.value); reason != "" {
			wrong = append(wrong, fault.Violation{Field: "record." + t.field, Reason: reason})
		}
	}
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}
