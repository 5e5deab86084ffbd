package cluster

import (
	"cmp"
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/object"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// localQueues are the queues as Kueue's local queues: clients look whether the one that they
// name is there. Queues belong to no namespace, so each is in all of them.
func localQueues(c gpuagentv1.QueueServiceClient) []kube.Resource {
	store := looked{
		get: func(ctx context.Context, namespace, name string) (kube.Object, error) {
			q, err := c.GetQueue(ctx, &gpuagentv1.GetQueueRequest{Name: name})
			if err != nil {
				return nil, err
			}
			if q.GetMetadata().GetUid() == "" { // nobody has made it: workloads do name it
				return nil, fault.NotFoundf("there is no queue %s", name)
			}
			return localQueue(q, namespace), nil
		},
		list: func(ctx context.Context, namespace string) ([]kube.Object, error) {
			all, err := c.ListQueues(ctx, &gpuagentv1.ListQueuesRequest{})
			if err != nil {
				return nil, err
			}
			var out []kube.Object
			for _, q := range all.GetQueues() {
				if q.GetMetadata().GetUid() != "" {
					out = append(out, localQueue(q, namespace))
				}
			}
			return out, nil
		},
	}
	status := func(field string) func(kube.Object) any {
		return func(o kube.Object) any { return kube.Path(o, "status", field) }
	}
	return []kube.Resource{{
		Group: "kueue.x-k8s.io", Version: "v1beta1", Plural: "localqueues", Singular: "localqueue", Kind: "LocalQueue", Short: []string{"queue", "lq"},
		ReadOnly: true, Refusal: "local queues are a view of queues here: kfmesh queue create, update and delete change those", Aside: true, Store: store,
		Columns: []kube.Column{
			{Name: "ClusterQueue", Type: "string", Value: func(o kube.Object) any { return kube.Path(o, "spec", "clusterQueue") }},
			{Name: "Pending Workloads", Type: "integer", Value: status("pendingWorkloads")},
			{Name: "Admitted Workloads", Type: "integer", Value: status("admittedWorkloads")},
		},
	}}
}

func localQueue(q *gpuagentv1.Queue, namespace string) kube.Object {
	meta := object.Metadata(q.GetMetadata())
	meta["namespace"] = cmp.Or(namespace, defaultNamespace)
	delete(meta, "managedFields")
	running := q.GetStatus().GetRunning()
	return kube.Object{
		"apiVersion": "kueue.x-k8s.io/v1beta1", "kind": "LocalQueue", "metadata": meta,
		"spec": map[string]any{"clusterQueue": q.GetMetadata().GetName()},
		"status": map[string]any{
			"pendingWorkloads": q.GetStatus().GetWaiting(), "reservingWorkloads": running, "admittedWorkloads": running,
			"conditions": []any{map[string]any{
				"type": "Active", "status": "True", "reason": "Ready", "message": "Can submit new workloads to clusterQueue",
				"lastTransitionTime": meta["creationTimestamp"],
			}},
		},
	}
}
