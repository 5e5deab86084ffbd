package pod

import (
	"context"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// mostNames is how many names of jobs the training service is asked for at a time.
const mostNames = 64

// mostArchived is of how many jobs in the archive a page has the pods.
const mostArchived = 250

// jobNames are the names that the job of what is wanted may have; none when it may be any.
func jobNames(page kube.Page) []string {
	for _, label := range []string{labelName, labelJobSet} {
		if name := page.Labels[label]; name != "" {
			return []string{name}
		}
	}
	if name := page.Labels[labelBatchJob]; name != "" {
		return beginnings(name)
	}
	return beginnings(page.Fields["metadata.name"])
}

// beginnings are the names that a job may have after which something is named: of
// "a-worker-0" they are that itself, "a-worker" and "a". Of no name there are none.
func beginnings(name string) []string {
	if name == "" {
		return nil
	}
	all := []string{name}
	for i := strings.LastIndexByte(name, '-'); i > 0 && len(all) < mostNames; i = strings.LastIndexByte(name[:i], '-') {
		all = append(all, name[:i])
	}
	return all
}

// archived are the replicas of a page of jobs in the archive: of those with some names, which
// are one page, or of all.
func (s *store) archived(ctx context.Context, namespace string, names []string, size int32, token string) (all []replica, next string, err error) {
	answer, err := s.jobs.ListArchivedWorkloads(ctx, &trainingv1.ListArchivedWorkloadsRequest{
		Namespace: namespace, Names: names, PageSize: size, PageToken: token,
	})
	if err != nil {
		return nil, "", err
	}
	for _, w := range answer.GetWorkloads() {
		all = append(all, replicas(w)...)
	}
	return all, answer.GetNextPageToken(), nil
}

// eachArchived passes on the replicas of all jobs in the archive, or of those with some names.
func (s *store) eachArchived(ctx context.Context, namespace string, names []string, take func(replica) error) error {
	for token := ""; ; {
		all, next, err := s.archived(ctx, namespace, names, mostArchived, token)
		if err != nil {
			return err
		}
		for _, r := range all {
			if err := take(r); err != nil {
				return err
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// findArchived finds one pod of a job in the archive.
func (s *store) findArchived(ctx context.Context, namespace, name string) (replica, error) {
	all, _, err := s.archived(ctx, namespace, beginnings(name), 0, "")
	if err != nil {
		return replica{}, err
	}
	if i := slices.IndexFunc(all, func(r replica) bool { return r.name() == name }); i >= 0 {
		return all[i], nil
	}
	return replica{}, fault.NotFoundf("there is no pod %q in namespace %s", name, namespace)
}

// shelved reports whether a workload is deleted only because its job is in the archive, and it
// with that.
func (s *store) shelved(ctx context.Context, event *gpuagentv1.WorkloadEvent) bool {
	m := event.GetWorkload().GetMetadata()
	if event.GetType() != gpuagentv1.WorkloadEvent_TYPE_DELETED {
		return false
	}
	all, _, err := s.archived(ctx, m.GetNamespace(), []string{m.GetLabels()[labelName]}, 0, "")
	return err == nil && slices.ContainsFunc(all, func(r replica) bool { return r.workload.GetMetadata().GetUid() == m.GetUid() })
}
