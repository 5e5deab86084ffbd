package state

import (
	"context"
	"encoding/json"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Values is the blob key below which runs keep the values of parameters that are
// too large for records, each as JSON under its run's id and its digest. A run that
// reuses what another made has a copy.
const Values = "values"

// Handover is the blob key below which live runs keep what is handed to steps, and
// what they hand back, when it is too large to be part of a workload: under the id
// of the run and the name of the workload.
const Handover = "handover"

// ValuesOf is the blob key of the folder of a run's large values.
func ValuesOf(runID string) string { return Values + "/" + runID }

// HandoverOf is the blob key of the folder of what the steps of a run are handed.
func HandoverOf(runID string) string { return Handover + "/" + runID }

// StoreValue keeps the JSON of a large value of a run, and returns its digest.
func StoreValue(ctx context.Context, bucket *blob.Bucket, runID string, content []byte) (digest string, err error) {
	return bucket.PutDigest(ctx, ValuesOf(runID)+"/", content)
}

// LoadValue reads a large value of a run.
func LoadValue(ctx context.Context, bucket *blob.Bucket, runID, digest string) (value any, err error) {
	content, err := bucket.GetDigest(ctx, ValuesOf(runID)+"/", digest)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &value); err != nil {
		return nil, fault.Internalf(err, "the value %s of run %s cannot be read", digest, runID)
	}
	return value, nil
}

// CopyValue has a run keep a large value that another keeps; fault.NotFound when
// that is gone.
func CopyValue(ctx context.Context, bucket *blob.Bucket, from, to, digest string) error {
	content, err := bucket.GetDigest(ctx, ValuesOf(from)+"/", digest)
	if err != nil {
		return err
	}
	_, err = StoreValue(ctx, bucket, to, content)
	return err
}
