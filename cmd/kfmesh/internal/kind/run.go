package kind

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

const newestFirst = "created_at desc"

// Runs is the kind of pipeline runs.
func Runs() *Kind {
	return &Kind{
		Singular: "run", Plural: "runs", Short: []string{"r"},
		Flags: []string{"experiment", "recurring-run", "state"},
		Columns: []Column{
			column("ID", func(r *pipelinev1.Run) string { return output.ShortID(r.GetRunId()) }),
			column("NAME", (*pipelinev1.Run).GetDisplayName),
			stateColumn("STATE", func(r *pipelinev1.Run) string { return tree.StateName(r.GetState()) }),
			timedColumn("DURATION", func(r *pipelinev1.Run, t *output.Terminal) string {
				return output.Elapsed(r.GetCreatedAt(), r.GetFinishedAt(), t.Now())
			}),
			timedColumn("AGE", func(r *pipelinev1.Run, t *output.Terminal) string {
				return output.Age(r.GetCreatedAt(), t.Now())
			}),
			wide(column("RUN ID", (*pipelinev1.Run).GetRunId)),
			wide(column("EXPERIMENT ID", (*pipelinev1.Run).GetExperimentId)),
			wide(column("MESSAGE", func(r *pipelinev1.Run) string { return r.GetError().GetMessage() })),
		},
		ID:       func(m proto.Message) string { return m.(*pipelinev1.Run).GetRunId() },
		Name:     func(m proto.Message) string { return m.(*pipelinev1.Run).GetDisplayName() },
		List:     listRuns,
		Get:      getRun,
		Describe: describeRun,
		Cancel: func(ctx context.Context, c *client.Client, m proto.Message) error {
			_, err := c.Runs.TerminateRun(ctx, &pipelinev1.TerminateRunRequest{RunId: m.(*pipelinev1.Run).GetRunId()})
			return err
		},
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, o DeleteOptions) error {
			_, err := c.Runs.DeleteRun(ctx, &pipelinev1.DeleteRunRequest{
				RunId: m.(*pipelinev1.Run).GetRunId(), DeleteArtifacts: o.Artifacts,
			})
			return err
		},
	}
}

func listRuns(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	where := q.match.predicates("run_id", "display_name")
	if q.State != "" {
		where = append(where, client.Equals("state", q.State))
	}
	if q.RecurringRun != "" {
		where = append(where, client.Equals("recurring_run_id", q.RecurringRun))
	}
	filter, err := client.Encode(client.Where(where...))
	if err != nil {
		return nil, err
	}
	runs, err := client.Collect(q.Limit, func(size int32, token string) ([]*pipelinev1.Run, string, error) {
		page, err := c.Runs.ListRuns(ctx, &pipelinev1.ListRunsRequest{
			Namespace: q.Namespace, ExperimentId: q.Experiment,
			PageSize: size, PageToken: token, SortBy: newestFirst, Filter: filter,
		})
		return page.GetRuns(), page.GetNextPageToken(), err
	})
	return messages(runs), err
}

func getRun(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Runs.GetRun(ctx, &pipelinev1.GetRunRequest{RunId: id})
}

// predicates is the match as predicates over the fields of a kind.
func (m match) predicates(idField, nameField string) []*metav1.Predicate {
	var where []*metav1.Predicate
	if m.idPrefix != "" {
		where = append(where, client.Contains(idField, m.idPrefix))
	}
	if m.name != "" {
		where = append(where, client.Equals(nameField, m.name))
	}
	return where
}
