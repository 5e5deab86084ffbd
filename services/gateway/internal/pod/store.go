package pod

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Resources are pods and events.
func Resources(workloads gpuagentv1.WorkloadServiceClient, jobs trainingv1.TrainingServiceClient) []kube.Resource {
	pods := &store{workloads: workloads}
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
	slices.SortFunc(out, func(a, b replica) int {
		return cmp.Or(cmp.Compare(a.workload.GetMetadata().GetNamespace(), b.workload.GetMetadata().GetNamespace()), cmp.Compare(a.name(), b.name()))
	})
	return out, nil
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
	return replica{}, fault.NotFoundf("there is no pod %q in namespace %s", name, namespace)
}

// Get implements kube.Store.
func (s *store) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	r, err := s.find(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return r.object(), nil
}

// List implements kube.Store. All come as one page.
func (s *store) List(ctx context.Context, namespace string, _ kube.Page) (kube.List, error) {
	all, err := s.replicas(ctx, namespace)
	if err != nil {
		return kube.List{}, err
	}
	out := kube.List{Revision: 1} // of nothing, from which a watch tells everything
	for _, r := range all {
		out.Items = append(out.Items, r.object())
		out.Revision = max(out.Revision, r.workload.GetMetadata().GetResourceVersion())
	}
	return out, nil
}

// absent tells that the one pod that is watched from a revision on is deleted, when all
// there are have been told and none has its name.
func absent(event *gpuagentv1.WorkloadEvent, shown map[string][]replica, sought kube.Object, after int64) []kube.Change {
	name, _ := kube.Path(sought, "metadata", "name").(string)
	if name == "" || after == 0 || event.GetType() != gpuagentv1.WorkloadEvent_TYPE_SYNCED {
		return nil
	}
	for _, all := range shown {
		if slices.ContainsFunc(all, func(r replica) bool { return r.name() == name }) {
			return nil
		}
	}
	return []kube.Change{{Type: "DELETED", Object: sought, Revision: after}}
}

// Watch implements kube.Store. What there is, is told again where it has changed since the
// revision.
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
		before := shown[event.GetWorkload().GetMetadata().GetUid()]
		note(shown, event)
		synced = synced || event.GetType() == gpuagentv1.WorkloadEvent_TYPE_SYNCED
		if !synced && after > 0 && event.GetWorkload().GetMetadata().GetResourceVersion() <= after {
			continue // the caller has it
		}
		all := slices.Concat(gone(before, event), changes(event))
		all = append(absent(event, shown, kube.Gone(namespace, name), after), all...)
		for _, change := range all {
			if change.Object != nil && name != "" && change.Object["metadata"].(map[string]any)["name"] != name {
				continue
			}
			if err := told(change); err != nil {
				return err
			}
		}
	}
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
	if event.GetType() == gpuagentv1.WorkloadEvent_TYPE_SYNCED {
		return []kube.Change{{Type: "BOOKMARK", Revision: 1}}
	}
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
