package collect

import (
	"context"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// logsKey is the blob key below which logs are kept, at <namespace>/<workload>.
const logsKey = "logs"

// logs removes the kept logs that are too old.
func (s *sweep) logs(ctx context.Context) error {
	if s.Retention.Logs == 0 {
		return nil
	}
	for namespace, err := range s.Bucket.Children(ctx, logsKey) {
		if err != nil {
			return err
		}
		for workload, err := range s.Bucket.Children(ctx, logsKey+"/"+namespace.Name) {
			if err != nil {
				return err
			}
			if err := s.log(ctx, logsKey+"/"+namespace.Name+"/"+workload.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// log removes the logs of one workload if the newest of them is too old.
func (s *sweep) log(ctx context.Context, key string) error {
	usage, err := s.Bucket.Measure(ctx, s.Bucket.URI(key))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	reason, goes := s.Retention.LogGoes(usage.Newest, s.now)
	if !goes {
		return nil
	}
	g := &metav1.Garbage{Kind: "log", Name: s.Bucket.URI(key), Bytes: usage.Bytes, Reason: reason}
	return s.dispose(g, func() (bool, error) { return true, s.Bucket.RemoveTree(ctx, key) })
}
