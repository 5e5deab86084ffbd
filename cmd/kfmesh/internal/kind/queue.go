package kind

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Queues is the kind of queues that workloads wait in.
func Queues() *Kind {
	return &Kind{
		Singular: "queue", Plural: "queues", Short: []string{"q"},
		Named: true,
		Columns: []Column{
			column("NAME", queueName),
			column("QUOTA", func(q *gpuagentv1.Queue) string { return limit(q.GetSpec().GpuQuota) }),
			column("USED", func(q *gpuagentv1.Queue) string { return amount(q.GetStatus().GetGpusUsed()) }),
			column("BORROWED", func(q *gpuagentv1.Queue) string { return amount(q.GetStatus().GetGpusBorrowed()) }),
			column("WAITING", func(q *gpuagentv1.Queue) string { return fmt.Sprint(q.GetStatus().GetWaiting()) }),
			column("RUNNING", func(q *gpuagentv1.Queue) string { return fmt.Sprint(q.GetStatus().GetRunning()) }),
			column("SHARE", share),
			column("COHORT", func(q *gpuagentv1.Queue) string { return q.GetSpec().GetCohort() }),
			wide(column("BORROWS AT MOST", func(q *gpuagentv1.Queue) string { return limit(q.GetSpec().BorrowingLimit) })),
			wide(column("LENDS AT MOST", func(q *gpuagentv1.Queue) string { return limit(q.GetSpec().LendingLimit) })),
			wide(column("KEPT", func(q *gpuagentv1.Queue) string { return amount(q.GetStatus().GetGpusPromised()) })),
			wide(column("WEIGHT", weight)),
		},
		ID:   func(m proto.Message) string { return queueName(m.(*gpuagentv1.Queue)) },
		Name: func(m proto.Message) string { return queueName(m.(*gpuagentv1.Queue)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			all, err := c.Queues.ListQueues(ctx, &gpuagentv1.ListQueuesRequest{})
			queues := all.GetQueues()
			if q.Limit > 0 && len(queues) > q.Limit {
				queues = queues[:q.Limit]
			}
			return messages(queues), err
		},
		Get: func(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
			return c.Queues.GetQueue(ctx, &gpuagentv1.GetQueueRequest{Name: id})
		},
		Describe: describeQueue,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			_, err := c.Queues.DeleteQueue(ctx, &gpuagentv1.DeleteQueueRequest{Name: queueName(m.(*gpuagentv1.Queue))})
			return err
		},
	}
}

// share is how much a queue uses beyond its quota, where queues take turns by that.
func share(q *gpuagentv1.Queue) string {
	if !q.GetStatus().GetFairShare() {
		return ""
	}
	return strconv.FormatFloat(q.GetStatus().GetShare(), 'f', 2, 64)
}

func weight(q *gpuagentv1.Queue) string {
	return strconv.FormatFloat(cmp.Or(q.GetSpec().GetWeight(), 1), 'g', -1, 64)
}

func queueName(q *gpuagentv1.Queue) string { return q.GetMetadata().GetName() }

// limit is a number of GPUs that may not be set, which is no limit: "-".
func limit(n *int32) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// describeQueue prints a queue, who waits in it and why, and who runs.
func describeQueue(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	q := m.(*gpuagentv1.Queue)
	jobs, err := c.Queues.ListWaiting(ctx, &gpuagentv1.ListWaitingRequest{Name: queueName(q)})
	if err != nil {
		return err
	}
	s := &sheet{term: term}
	spec, status := q.GetSpec(), q.GetStatus()
	fields := [][2]string{
		{"Queue", queueName(q)},
		{"Quota", gpuCount(spec.GpuQuota)},
		{"Cohort", spec.GetCohort()},
		{"Borrows", atMost(spec.GetCohort(), spec.BorrowingLimit)},
		{"Lends", atMost(spec.GetCohort(), spec.LendingLimit)},
		{"Used", fmt.Sprintf("%s, %s of them borrowed", amount(status.GetGpusUsed()), amount(status.GetGpusBorrowed()))},
	}
	if status.GetGpusPromised() > 0 {
		fields = append(fields, [2]string{"Kept", fmt.Sprintf("%s for workloads that have waited for long", amount(status.GetGpusPromised()))})
	}
	if status.GetFairShare() {
		fields = append(fields, [2]string{"Fair share", share(q) + ", of weight " + weight(q)})
	}
	if q.GetMetadata().GetUid() != "" {
		fields = append(fields, identity(q.GetMetadata(), term)...)
	}
	s.fields(fields...)
	s.table("waiting", waitingTable(jobs.GetWaiting(), term))
	s.table("running", runningTable(jobs.GetRunning(), term))
	s.lines("labels", pairs(q.GetMetadata().GetLabels()))
	return s.print()
}

func gpuCount(n *int32) string {
	if n == nil {
		return "none"
	}
	if *n == 1 {
		return "1 GPU"
	}
	return fmt.Sprintf("%d GPUs", *n)
}

func atMost(cohort string, n *int32) string {
	switch {
	case cohort == "":
		return ""
	case n == nil:
		return "all there are"
	default:
		return gpuCount(n) + " at most"
	}
}

func waitingTable(waiting []*gpuagentv1.QueuedWorkload, term *output.Terminal) *output.Table {
	table := &output.Table{Headings: []string{"#", "WORKLOAD", "PRIORITY", "GPUS", "AGE", "WHY"}}
	for _, w := range waiting {
		table.Add(fmt.Sprint(w.GetPosition()), w.GetNamespace()+"/"+w.GetName(), fmt.Sprint(w.GetPriority()), fmt.Sprint(w.GetGpus()),
			output.Age(w.GetSubmitTime(), term.Now()), w.GetReason())
	}
	return table
}

func runningTable(running []*gpuagentv1.QueuedWorkload, term *output.Terminal) *output.Table {
	table := &output.Table{Headings: []string{"WORKLOAD", "PRIORITY", "GPUS", "REPLICAS", "AGE", "NODES"}}
	for _, w := range running {
		nodes := placed(w.GetNodes())
		if w.GetEnding() {
			nodes += ", makes room for another"
		}
		table.Add(w.GetNamespace()+"/"+w.GetName(), fmt.Sprint(w.GetPriority()), fmt.Sprint(w.GetGpus()),
			fmt.Sprintf("%d/%d", w.GetPlaced(), w.GetReplicas()), output.Age(w.GetSubmitTime(), term.Now()), nodes)
	}
	return table
}

// placed names nodes, the first few of many.
func placed(nodes []string) string {
	const shown = 3
	text := ""
	for i, node := range nodes {
		switch {
		case i == shown:
			return fmt.Sprintf("%s and %d more", text, len(nodes)-shown)
		case i > 0:
			text += ", "
		}
		text += node
	}
	return text
}

// amount is a number of GPUs, of which there may be parts.
func amount(gpus float64) string {
	const decimals = 2
	return humanize.FtoaWithDigits(gpus, decimals)
}
