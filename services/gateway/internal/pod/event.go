package pod

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// events are what jobs and their pods came through, as events: they are not stored, but
// follow from the conditions of jobs and the states of replicas.
type events struct {
	readOnly
	pods *store
	jobs trainingv1.TrainingServiceClient
}

// Get implements kube.Store.
func (s *events) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	list, err := s.List(ctx, namespace, kube.Page{Fields: map[string]string{involvedName: objectOf(name)}})
	if err != nil {
		return nil, err
	}
	for _, event := range list.Items {
		if event["metadata"].(map[string]any)["name"] == name {
			return event, nil
		}
	}
	return nil, fault.NotFoundf("there is no event %q in namespace %s", name, namespace)
}

// involvedName is the field of an event that names what it is about.
const involvedName = "involvedObject.name"

// objectOf is the name of what an event is about, without the time and the reason.
func objectOf(event string) string {
	for range 2 {
		event = event[:max(strings.LastIndexByte(event, '.'), 0)]
	}
	return event
}

// List implements kube.Store. Of jobs in the archive, and of their pods, the events come only
// to who asks for those of one object: in Kubernetes they are gone after an hour.
func (s *events) List(ctx context.Context, namespace string, page kube.Page) (kube.List, error) {
	jobs, err := s.jobs.ListTrainingJobs(ctx, &trainingv1.ListTrainingJobsRequest{Namespace: namespace, Live: true})
	if err != nil {
		return kube.List{}, err
	}
	pods, err := s.pods.replicas(ctx, namespace)
	if err != nil {
		return kube.List{}, err
	}
	out := kube.List{Revision: max(jobs.GetRevision(), 1)}
	for _, job := range jobs.GetJobs() {
		out.Items = append(out.Items, eventsOf(job)...)
	}
	for _, r := range pods {
		out.Items = append(out.Items, r.events()...)
	}
	if name := page.Fields[involvedName]; name != "" {
		archived, err := s.archived(ctx, namespace, page.Fields["involvedObject.kind"], name)
		if err != nil {
			return kube.List{}, err
		}
		out.Items = append(out.Items, archived...)
	}
	return out, nil
}

// archived are the events of an object that is a job in the archive, or a pod of one. It is of a
// kind, unless that is empty.
func (s *events) archived(ctx context.Context, namespace, kind, name string) ([]kube.Object, error) {
	var all []kube.Object
	jobs := map[key]bool{}
	if namespace != "" && kind != "" && kind != "Pod" {
		jobs[key{namespace, kind}] = true
	}
	err := s.pods.eachArchived(ctx, namespace, beginnings(name), func(r replica) error {
		if r.name() == name {
			all = append(all, r.events()...)
		}
		if r.label(labelName) == name {
			jobs[key{r.workload.GetMetadata().GetNamespace(), r.label(labelKind)}] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for of := range jobs {
		job, err := s.jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: of.namespace, Kind: of.kind, Name: name})
		switch {
		case fault.Is(rpc.Fault(err), fault.NotFound):
		case err != nil:
			return nil, err
		case job.GetArchived(): // otherwise its events are known
			all = append(all, eventsOf(job)...)
		}
	}
	return all, nil
}

// key says which of the jobs of a name is meant.
type key struct{ namespace, kind string }

// eventsOf are what a job came through.
func eventsOf(job *trainingv1.TrainingJob) []kube.Object {
	var all []kube.Object
	for _, h := range job.GetStatus().GetHappenings() {
		m := job.GetMetadata()
		all = append(all, event(happening{
			kind: job.GetKind(), version: job.GetApiVersion(), namespace: m.GetNamespace(), name: m.GetName(), uid: m.GetUid(),
			reason: h.GetReason(), message: h.GetMessage(), at: h.GetTime(), bad: h.GetWarning(),
		}))
	}
	return all
}

// events are what the replica came through.
func (r replica) events() []kube.Object {
	m, s := r.workload.GetMetadata(), r.status
	h := happening{kind: "Pod", version: "v1", namespace: m.GetNamespace(), name: r.name(), uid: fmt.Sprintf("%s-%s-%d", m.GetUid(), r.group.GetName(), r.index)}
	var all []kube.Object
	if s.GetStartTime() != nil {
		h.reason, h.message, h.at = "Started", "Started container "+r.container()+" on node "+s.GetNode(), s.GetStartTime()
		all = append(all, event(h))
	}
	if s.GetFinishTime() != nil {
		h.reason, h.message, h.at, h.bad = "Completed", "Container "+r.container()+" has ended", s.GetFinishTime(), r.phase() == "Failed"
		if h.bad {
			h.reason, h.message = "Failed", s.GetMessage()
		}
		all = append(all, event(h))
	}
	return all
}

// happening is something that happened to an object.
type happening struct {
	kind, version, namespace, name, uid string
	reason, message                     string
	at                                  *timestamppb.Timestamp
	bad                                 bool
}

func event(h happening) kube.Object {
	at := moment(h.at)
	return kube.Object{
		"apiVersion": "v1", "kind": "Event",
		"metadata": map[string]any{
			"name": fmt.Sprintf("%s.%x", h.name, h.at.AsTime().UnixNano()) + "." + strings.ToLower(h.reason), "namespace": h.namespace,
			"creationTimestamp": at, "resourceVersion": "1",
		},
		"involvedObject": map[string]any{"kind": h.kind, "apiVersion": h.version, "namespace": h.namespace, "name": h.name, "uid": h.uid},
		"reason":         h.reason, "message": h.message, "type": map[bool]string{true: "Warning", false: "Normal"}[h.bad],
		"firstTimestamp": at, "lastTimestamp": at, "count": 1, "source": map[string]any{"component": "kfmesh"},
	}
}
