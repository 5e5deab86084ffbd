package pod

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Resources are pods and events.
func Resources(workloads gpuagentv1.WorkloadServiceClient, jobs trainingv1.TrainingServiceClient) []kube.Resource {
	pods := &store{workloads: workloads, jobs: jobs}
	below := map[string]func(http.ResponseWriter, *http.Request) error{"log": pods.log}
	for _, part := range []string{"exec", "attach", "portforward", "proxy", "eviction", "ephemeralcontainers", "binding"} {
		below[part] = func(w http.ResponseWriter, _ *http.Request) error { return missing(w, part) }
	}
	return []kube.Resource{
		{
			Version: "v1", Plural: "pods", Singular: "pod", Kind: "Pod", Short: []string{"po"}, ReadOnly: true, Store: pods, Columns: columns(),
			Refusal: refusal, Below: below, Fields: []string{"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "status.phase", "status.podIP"},
		},
		{
			Version: "v1", Plural: "events", Singular: "event", Kind: "Event", Short: []string{"ev"}, ReadOnly: true,
			Store: &events{pods: pods, jobs: jobs}, Columns: eventColumns(), Happenings: true, Refusal: refusal,
			Fields: []string{
				"involvedObject.kind", "involvedObject.apiVersion", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "reason", "type",
				"source", "reportingComponent", "involvedObject.fieldPath",
			},
		},
	}
}

// readOnly is the part of a kube.Store that changes things, which nobody gets to.
type readOnly struct{}

// refusal is said to who would make, change or delete a pod or an event.
const refusal = "pods and events are a view of jobs here, and go with them: make, change or delete the job"

func refused() error { return fault.New(fault.Denied, refusal) }

// missing says that pods have nothing of a name below them here.
func missing(w http.ResponseWriter, part string) error {
	kube.Refuse(w, "pods have no "+part+" here: they are a view of what kfmesh runs; kfmesh logs and kfmesh describe show what there is to see")
	return nil
}

// Create implements kube.Store.
func (readOnly) Create(context.Context, string, []byte, kube.Options) (kube.Object, []string, error) {
	return nil, nil, refused()
}

// Update implements kube.Store.
func (readOnly) Update(context.Context, string, string, []byte, kube.Options) (kube.Object, []string, error) {
	return nil, nil, refused()
}

// Delete implements kube.Store.
func (readOnly) Delete(context.Context, string, string, kube.Options) error { return refused() }

// store is the pods.
type store struct {
	readOnly
	workloads gpuagentv1.WorkloadServiceClient
	jobs      trainingv1.TrainingServiceClient
}

// pageSize is how many workloads are read at a time.
const pageSize = 1000

// all are the workloads of the jobs of a namespace, or of all.
func (s *store) all(ctx context.Context, namespace string) ([]*gpuagentv1.Workload, error) {
	r := &gpuagentv1.ListWorkloadsRequest{Namespace: namespace, LabelSelector: map[string]string{labelOwner: owner}, PageSize: pageSize}
	var all []*gpuagentv1.Workload
	for {
		page, err := s.workloads.ListWorkloads(ctx, r)
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetWorkloads()...)
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			return all, nil
		}
	}
}

// replicas are those of the present attempts at the jobs of a namespace, or of all, in
// order of namespace and name.
func (s *store) replicas(ctx context.Context, namespace string) ([]replica, error) {
	all, err := s.all(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var out []replica
	for _, w := range present(all) {
		out = append(out, replicas(w)...)
	}
	slices.SortFunc(out, compare)
	return out, nil
}

// compare orders by namespace and name.
func compare(a, b replica) int {
	return cmp.Or(cmp.Compare(a.workload.GetMetadata().GetNamespace(), b.workload.GetMetadata().GetNamespace()), cmp.Compare(a.name(), b.name()))
}

// present leaves, of several attempts at one stage of one job, the last.
func present(all []*gpuagentv1.Workload) []*gpuagentv1.Workload {
	last := map[string]*gpuagentv1.Workload{}
	for _, w := range all {
		labels := w.GetMetadata().GetLabels()
		key := labels[labelJob] + "/" + labels[labelStage]
		if other := last[key]; other == nil || attempt(other) < attempt(w) {
			last[key] = w
		}
	}
	out := make([]*gpuagentv1.Workload, 0, len(last))
	for _, w := range last {
		out = append(out, w)
	}
	return out
}

func attempt(w *gpuagentv1.Workload) int {
	n, err := strconv.Atoi(w.GetMetadata().GetLabels()[labelAttempt])
	if err != nil {
		return 0
	}
	return n
}

// find finds one pod.
func (s *store) find(ctx context.Context, namespace, name string) (replica, error) {
	all, err := s.replicas(ctx, namespace)
	if err != nil {
		return replica{}, err
	}
	for _, r := range all {
		if r.name() == name {
			return r, nil
		}
	}
	return s.findArchived(ctx, namespace, name)
}

// Get implements kube.Store.
func (s *store) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	r, err := s.find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return r.object(), nil
}

// List implements kube.Store. The first page has all that are not in the archive, and each
// those of some jobs that are.
func (s *store) List(ctx context.Context, namespace string, page kube.Page) (kube.List, error) {
	out := kube.List{Revision: 1} // of nothing, from which a watch tells everything
	var all []replica
	var err error
	if page.Continue == "" {
		if all, err = s.replicas(ctx, namespace); err != nil {
			return out, err
		}
	}
	live := map[string]bool{} // what goes to the archive meanwhile is not there twice
	for _, r := range all {
		live[r.workload.GetMetadata().GetUid()] = true
	}
	add := func(r replica) error {
		if !live[r.workload.GetMetadata().GetUid()] {
			all = append(all, r)
		}
		return nil
	}
	if page.Limit == 0 {
		err = s.eachArchived(ctx, namespace, jobNames(page), add)
	} else {
		var some []replica // a job has several, mostly
		some, out.Continue, err = s.archived(ctx, namespace, jobNames(page), min(page.Limit/2+1, mostArchived), page.Continue)
		for _, r := range some {
			_ = add(r)
		}
	}
	if err != nil {
		return out, err
	}
	slices.SortFunc(all, compare)
	for _, r := range all {
		out.Items = append(out.Items, r.object())
		out.Revision = max(out.Revision, r.workload.GetMetadata().GetResourceVersion())
	}
	return out, nil
}

// sought is what a watch is of.
type sought struct {
	namespace, name string
	after           int64
}

// Watch implements kube.Store. What there is, is told again where it has changed since the
// revision. What goes to the archive with its job stays.
func (s *store) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.workloads.WatchWorkloads(ctx, &gpuagentv1.WatchWorkloadsRequest{
		Namespace: namespace, LabelSelector: map[string]string{labelOwner: owner},
	})
	if err != nil {
		return err
	}
	synced, shown := false, map[string][]replica{}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if event.GetType() == gpuagentv1.WorkloadEvent_TYPE_SYNCED {
			synced = true
			if err := s.synced(ctx, sought{namespace, name, after}, shown, told); err != nil {
				return err
			}
			continue
		}
		before := shown[event.GetWorkload().GetMetadata().GetUid()]
		note(shown, event)
		if !synced && after > 0 && event.GetWorkload().GetMetadata().GetResourceVersion() <= after || s.shelved(ctx, event) {
			continue // the caller has it, or keeps it
		}
		for _, change := range slices.Concat(gone(before, event), changes(event)) {
			if name != "" && change.Object["metadata"].(map[string]any)["name"] != name {
				continue
			}
			if err := told(change); err != nil {
				return err
			}
		}
	}
}

// synced ends the telling of what there is: of that in the archive to who knows nothing, and of
// the one pod that is watched from a revision on, that it is deleted, when it is nowhere.
func (s *store) synced(ctx context.Context, of sought, shown map[string][]replica, told func(kube.Change) error) error {
	var err error
	switch {
	case of.after == 0:
		err = s.eachArchived(ctx, of.namespace, beginnings(of.name), func(r replica) error {
			m := r.workload.GetMetadata()
			if shown[m.GetUid()] != nil || of.name != "" && r.name() != of.name {
				return nil
			}
			return told(kube.Change{Type: "ADDED", Object: r.object(), Revision: m.GetResourceVersion()})
		})
	case of.name != "" && !slices.ContainsFunc(slices.Concat(slices.Collect(maps.Values(shown))...), func(r replica) bool { return r.name() == of.name }):
		if _, err = s.findArchived(ctx, of.namespace, of.name); fault.Is(rpc.Fault(err), fault.NotFound) {
			err = told(kube.Change{Type: "DELETED", Object: kube.Gone(of.namespace, of.name), Revision: of.after})
		}
	}
	if err != nil {
		return err
	}
	return told(kube.Change{Type: "BOOKMARK", Revision: 1})
}

// note keeps which pods there are of a workload.
func note(shown map[string][]replica, event *gpuagentv1.WorkloadEvent) {
	switch uid := event.GetWorkload().GetMetadata().GetUid(); {
	case event.GetType() == gpuagentv1.WorkloadEvent_TYPE_DELETED:
		delete(shown, uid)
	case uid != "":
		shown[uid] = replicas(event.GetWorkload())
	}
}

// gone are the deletions of pods that a workload had before a change and is to have no more.
func gone(before []replica, event *gpuagentv1.WorkloadEvent) []kube.Change {
	if event.GetType() == gpuagentv1.WorkloadEvent_TYPE_DELETED {
		return nil // all of them are
	}
	left := map[string]bool{}
	for _, r := range replicas(event.GetWorkload()) {
		left[r.name()] = true
	}
	var all []kube.Change
	for _, r := range before {
		if !left[r.name()] {
			all = append(all, kube.Change{Type: "DELETED", Object: r.object(), Revision: event.GetWorkload().GetMetadata().GetResourceVersion()})
		}
	}
	return all
}

// changes is a change of a workload as changes of its pods.
func changes(event *gpuagentv1.WorkloadEvent) []kube.Change {
	kind := map[gpuagentv1.WorkloadEvent_Type]string{
		gpuagentv1.WorkloadEvent_TYPE_CREATED: "ADDED", gpuagentv1.WorkloadEvent_TYPE_DELETED: "DELETED",
	}[event.GetType()]
	if kind == "" {
		kind = "MODIFIED"
	}
	var all []kube.Change
	for _, r := range replicas(event.GetWorkload()) {
		all = append(all, kube.Change{Type: kind, Object: r.object(), Revision: r.workload.GetMetadata().GetResourceVersion()})
	}
	return all
}
