package api

import (
	"cmp"
	"context"
	"slices"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// archivedPageSize is about how many jobs a page is that is asked for without a size.
const archivedPageSize = 500

// ListArchivedWorkloads implements TrainingService.
func (s *jobs) ListArchivedWorkloads(ctx context.Context, r *trainingv1.ListArchivedWorkloadsRequest) (*trainingv1.ListArchivedWorkloadsResponse, error) {
	out := &trainingv1.ListArchivedWorkloadsResponse{}
	var jobs []*trainingv1.TrainingJob
	var err error
	if r.GetNamespace() != "" && len(r.GetNames()) > 0 {
		jobs, err = s.named(ctx, r.GetNamespace(), r.GetNames())
	} else {
		jobs, out.NextPageToken, err = s.archived(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	out.Workloads, err = s.archive.Ran(ctx, jobs)
	return out, err
}

// archived are the stubs of a page of jobs.
func (s *jobs) archived(ctx context.Context, r *trainingv1.ListArchivedWorkloadsRequest) (jobs []*trainingv1.TrainingJob, next string, err error) {
	after, err := position(r.GetPageToken())
	if err != nil {
		return nil, "", err
	}
	size := cmp.Or(int(r.GetPageSize()), archivedPageSize)
	if len(r.GetNames()) > 0 {
		size = 0
	}
	items, more, _, err := s.state.Jobs.Page(ctx, selection{namespace: r.GetNamespace()}.prefix(), after, size, func(job *trainingv1.TrainingJob) bool {
		return job.GetArchived() && (len(r.GetNames()) == 0 || slices.Contains(r.GetNames(), job.GetMetadata().GetName()))
	})
	for _, item := range items {
		jobs = append(jobs, item.Value)
	}
	if more {
		next = tokenOf(items[len(items)-1].Key)
	}
	return jobs, next, err
}

// named are the stubs of jobs of any kind by their names, without looking at all there are.
func (s *jobs) named(ctx context.Context, namespace string, names []string) ([]*trainingv1.TrainingJob, error) {
	var jobs []*trainingv1.TrainingJob
	for _, kind := range kinds() {
		for _, name := range slices.Sorted(slices.Values(names)) {
			item, err := s.state.Jobs.Get(ctx, state.Key(namespace, kind, name))
			switch {
			case fault.Is(err, fault.NotFound):
			case err != nil:
				return nil, err
			case item.Value.GetArchived():
				jobs = append(jobs, item.Value)
			}
		}
	}
	return jobs, nil
}

// kinds are the names of kinds that jobs are stored under, in order.
func kinds() []string {
	all := []string{kind.TrainJobName}
	for _, k := range kind.All() {
		if !slices.Contains(all, k.Name) { // of MPIJob there are two versions
			all = append(all, k.Name)
		}
	}
	slices.Sort(all)
	return all
}
