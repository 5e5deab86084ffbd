package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Workloads is the kind of what runs on nodes.
func Workloads() *Kind {
	return &Kind{
		Singular: "workload", Plural: "workloads", Short: []string{"w", "wl"},
		Named: true,
		Whole: true,
		Columns: []Column{
			column("NAME", workloadName),
			stateColumn("PHASE", func(w *gpuagentv1.Workload) string { return Phase(w.GetStatus().GetPhase()) }),
			column("REPLICAS", replicas),
			column("NODE", nodesOf),
			timedColumn("DURATION", func(w *gpuagentv1.Workload, t *output.Terminal) string {
				return output.Elapsed(w.GetStatus().GetStartTime(), w.GetStatus().GetFinishTime(), t.Now())
			}),
			timedColumn("AGE", func(w *gpuagentv1.Workload, t *output.Terminal) string {
				return output.Age(w.GetMetadata().GetCreateTime(), t.Now())
			}),
			column("MESSAGE", func(w *gpuagentv1.Workload) string { return w.GetStatus().GetMessage() }),
			spread(column("NAMESPACE", func(w *gpuagentv1.Workload) string { return w.GetMetadata().GetNamespace() })),
			wide(column("REASON", func(w *gpuagentv1.Workload) string { return w.GetStatus().GetReason() })),
		},
		ID:       func(m proto.Message) string { return workloadName(m.(*gpuagentv1.Workload)) },
		Name:     func(m proto.Message) string { return workloadName(m.(*gpuagentv1.Workload)) },
		List:     listWorkloads,
		Get:      getWorkload,
		Describe: describeWorkload,
		Cancel: func(ctx context.Context, c *client.Client, m proto.Message) error {
			meta := m.(*gpuagentv1.Workload).GetMetadata()
			_, err := c.Workloads.StopWorkload(ctx, &gpuagentv1.StopWorkloadRequest{
				Namespace: meta.GetNamespace(), Name: meta.GetName(), Message: "stopped with kfmesh cancel",
			})
			return err
		},
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			meta := m.(*gpuagentv1.Workload).GetMetadata()
			_, err := c.Workloads.DeleteWorkload(ctx, &gpuagentv1.DeleteWorkloadRequest{
				Namespace: meta.GetNamespace(), Name: meta.GetName(),
			})
			return err
		},
	}
}

func workloadName(w *gpuagentv1.Workload) string { return w.GetMetadata().GetName() }

// listWorkloads reads the whole list, which the service gives oldest first, to
// find the newest.
func listWorkloads(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	workloads, err := client.Collect(0, func(size int32, token string) ([]*gpuagentv1.Workload, string, error) {
		page, err := c.Workloads.ListWorkloads(ctx, &gpuagentv1.ListWorkloadsRequest{
			Namespace: q.Namespace, PageSize: size, PageToken: token,
		})
		return page.GetWorkloads(), page.GetNextPageToken(), err
	})
	workloads = slices.DeleteFunc(workloads, func(w *gpuagentv1.Workload) bool { return !q.labelled(w.GetMetadata().GetLabels()) })
	slices.Reverse(workloads)
	if q.Limit > 0 && len(workloads) > q.Limit {
		workloads = workloads[:q.Limit]
	}
	return messages(workloads), err
}

func getWorkload(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
	return c.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: namespace, Name: id})
}

// Phase is a workload's phase as people read it.
func Phase(p gpuagentv1.Phase) string { return strings.TrimPrefix(p.String(), "PHASE_") }

// replicas counts those that run, or ran to success, of all.
func replicas(w *gpuagentv1.Workload) string {
	good, total := 0, 0
	for _, group := range w.GetSpec().GetGroups() {
		total += int(max(group.GetCount(), 1))
	}
	for _, replica := range w.GetStatus().GetReplicas() {
		switch replica.GetPhase() {
		case gpuagentv1.Phase_PHASE_RUNNING, gpuagentv1.Phase_PHASE_SUCCEEDED:
			good++
		}
	}
	return fmt.Sprintf("%d/%d", good, total)
}

func nodesOf(w *gpuagentv1.Workload) string {
	var nodes []string
	for _, replica := range w.GetStatus().GetReplicas() {
		if node := replica.GetNode(); node != "" && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	if len(nodes) == 0 {
		return "-"
	}
	return strings.Join(nodes, ",")
}
