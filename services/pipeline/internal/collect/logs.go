package collect

import (
	"context"
	"maps"
	"slices"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
)

// logsKey is the blob key below which the agents keep what workloads wrote, at
// <namespace>/<workload>.
const logsKey = "logs"

// logs removes the logs of runs that are gone. Those of other workloads are not
// the pipeline service's affair.
func (s *sweep) logs(ctx context.Context) error {
	batch := map[string][]string{} // keys of logs by run
	for namespace, err := range s.Bucket.Children(ctx, logsKey) {
		if err != nil {
			return err
		}
		for workload, err := range s.Bucket.Children(ctx, logsKey+"/"+namespace.Name) {
			if err != nil {
				return err
			}
			run, ok := garbage.RunOf(workload.Name)
			if !ok {
				continue
			}
			if _, known := batch[run]; !known && len(batch) == lookupSize {
				if err := s.dropLogs(ctx, batch); err != nil {
					return err
				}
				clear(batch)
			}
			batch[run] = append(batch[run], logsKey+"/"+namespace.Name+"/"+workload.Name)
		}
	}
	return s.dropLogs(ctx, batch)
}

// dropLogs removes the logs of those of the runs that are gone.
func (s *sweep) dropLogs(ctx context.Context, byRun map[string][]string) error {
	gone, err := s.gone(ctx, sortedKeys(byRun))
	if err != nil {
		return err
	}
	for _, run := range gone {
		for _, key := range byRun[run] {
			if err := s.disposeTree(ctx, "log", key, "its run is gone"); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortedKeys are the keys of a map, so that what is done to it has an order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
