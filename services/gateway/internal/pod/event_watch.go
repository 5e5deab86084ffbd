package pod

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Watch implements kube.Store: it hears of the changes of jobs and of their workloads, and
// tells of each event that follows from them once.
func (s *events) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	group, ctx := errgroup.WithContext(ctx)
	n := &news{name: name, after: after, known: map[string]bool{}, told: told, awaited: 2}
	group.Go(func() error { return s.hearJobs(ctx, namespace, n) })
	group.Go(func() error { return s.hearPods(ctx, namespace, n) })
	return group.Wait()
}

// hearJobs passes on what becomes of jobs until ctx ends.
func (s *events) hearJobs(ctx context.Context, namespace string, n *news) error {
	stream, err := s.jobs.WatchTrainingJobs(ctx, &trainingv1.WatchTrainingJobsRequest{Namespace: namespace})
	if err != nil {
		return err
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return ended(err)
		}
		switch event.GetType() {
		case trainingv1.TrainingJobEvent_TYPE_SYNCED:
			err = n.synced(event.GetRevision())
		case trainingv1.TrainingJobEvent_TYPE_DELETED:
		default:
			err = n.tell(eventsOf(event.GetJob()), event.GetJob().GetMetadata().GetResourceVersion())
		}
		if err != nil {
			return err
		}
	}
}

// hearPods passes on what becomes of replicas until ctx ends.
func (s *events) hearPods(ctx context.Context, namespace string, n *news) error {
	stream, err := s.pods.workloads.WatchWorkloads(ctx, &gpuagentv1.WatchWorkloadsRequest{
		Namespace: namespace, LabelSelector: map[string]string{labelOwner: owner},
	})
	if err != nil {
		return err
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return ended(err)
		}
		switch event.GetType() {
		case gpuagentv1.WorkloadEvent_TYPE_SYNCED:
			err = n.synced(1)
		case gpuagentv1.WorkloadEvent_TYPE_DELETED:
		default:
			var all []kube.Object
			for _, r := range replicas(event.GetWorkload()) {
				all = append(all, r.events()...)
			}
			err = n.tell(all, event.GetWorkload().GetMetadata().GetResourceVersion())
		}
		if err != nil {
			return err
		}
	}
}

// ended is an error of a stream; none at its end.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// news tells of events, each once.
type news struct {
	name  string // of the one event that is wanted; empty for all
	after int64  // revision that the caller knows

	mu       sync.Mutex
	told     func(kube.Change) error // called one at a time
	known    map[string]bool         // guarded by mu: names of what was told, or is known to the caller
	awaited  int                     // guarded by mu: streams that have not yet told what there is
	revision int64                   // guarded by mu
}

// tell tells of those events of an object at a revision that are news.
func (n *news) tell(all []kube.Object, revision int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, object := range all {
		m, _ := object["metadata"].(map[string]any)
		key := m["namespace"].(string) + "/" + m["name"].(string)
		if n.known[key] || n.name != "" && m["name"] != n.name {
			continue
		}
		n.known[key] = true
		if n.awaited > 0 && revision <= n.after {
			continue // the caller has it
		}
		if err := n.told(kube.Change{Type: "ADDED", Object: object, Revision: max(revision, 1)}); err != nil {
			return err
		}
	}
	return nil
}

// synced notes that a stream has told what there is.
func (n *news) synced(revision int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.revision = max(n.revision, revision)
	if n.awaited--; n.awaited > 0 {
		return nil
	}
	return n.told(kube.Change{Type: "BOOKMARK", Revision: n.revision})
}
