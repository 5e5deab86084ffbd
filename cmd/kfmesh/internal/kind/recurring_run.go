package kind

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// RecurringRuns is the kind of schedules that make runs.
func RecurringRuns() *Kind {
	return &Kind{
		Singular: "recurringrun", Plural: "recurringruns", Short: []string{"rr", "schedule", "schedules"},
		Flags: []string{"experiment"},
		Columns: []Column{
			column("ID", func(r *pipelinev1.RecurringRun) string { return output.ShortID(r.GetRecurringRunId()) }),
			column("NAME", (*pipelinev1.RecurringRun).GetDisplayName),
			stateColumn("STATUS", recurringStatus),
			column("SCHEDULE", scheduleText),
			timedColumn("LAST RUN", func(r *pipelinev1.RecurringRun, t *output.Terminal) string {
				return output.Age(r.GetLastRunAt(), t.Now())
			}),
			timedColumn("NEXT RUN", func(r *pipelinev1.RecurringRun, t *output.Terminal) string {
				return output.Until(r.GetNextRunAt(), t.Now())
			}),
			timedColumn("AGE", func(r *pipelinev1.RecurringRun, t *output.Terminal) string {
				return output.Age(r.GetCreatedAt(), t.Now())
			}),
			wide(column("RECURRING RUN ID", (*pipelinev1.RecurringRun).GetRecurringRunId)),
			wide(column("EXPERIMENT ID", (*pipelinev1.RecurringRun).GetExperimentId)),
			wide(column("MESSAGE", func(r *pipelinev1.RecurringRun) string { return r.GetError().GetMessage() })),
		},
		ID:       func(m proto.Message) string { return m.(*pipelinev1.RecurringRun).GetRecurringRunId() },
		Name:     func(m proto.Message) string { return m.(*pipelinev1.RecurringRun).GetDisplayName() },
		List:     listRecurringRuns,
		Get:      getRecurringRun,
		Describe: describeRecurringRun,
		Enable: func(ctx context.Context, c *client.Client, m proto.Message) error {
			_, err := c.Recurring.EnableRecurringRun(ctx, &pipelinev1.EnableRecurringRunRequest{
				RecurringRunId: m.(*pipelinev1.RecurringRun).GetRecurringRunId(),
			})
			return err
		},
		Disable: func(ctx context.Context, c *client.Client, m proto.Message) error {
			_, err := c.Recurring.DisableRecurringRun(ctx, &pipelinev1.DisableRecurringRunRequest{
				RecurringRunId: m.(*pipelinev1.RecurringRun).GetRecurringRunId(),
			})
			return err
		},
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			_, err := c.Recurring.DeleteRecurringRun(ctx, &pipelinev1.DeleteRecurringRunRequest{
				RecurringRunId: m.(*pipelinev1.RecurringRun).GetRecurringRunId(),
			})
			return err
		},
	}
}

// recurringStatus is whether it makes runs, and whether its last try failed.
func recurringStatus(r *pipelinev1.RecurringRun) string {
	if r.GetError() != nil && r.GetStatus() == pipelinev1.RecurringRun_ENABLED {
		return "FAILED"
	}
	return r.GetStatus().String()
}

// scheduleText is the times of a schedule as they were asked for: an expression
// or an interval.
func scheduleText(r *pipelinev1.RecurringRun) string {
	if cron := r.GetTrigger().GetCronSchedule(); cron != nil {
		return cron.GetCron()
	}
	every := (time.Duration(r.GetTrigger().GetPeriodicSchedule().GetIntervalSecond()) * time.Second).String()
	for _, nothing := range []string{"m0s", "h0m"} { // 24h0m0s is 24h
		if short, ok := strings.CutSuffix(every, nothing); ok {
			every = short + nothing[:1]
		}
	}
	return "every " + every
}

func listRecurringRuns(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	filter, err := client.Encode(client.Where(q.match.predicates("recurring_run_id", "display_name")...))
	if err != nil {
		return nil, err
	}
	found, err := client.Collect(q.Limit, func(size int32, token string) ([]*pipelinev1.RecurringRun, string, error) {
		page, err := c.Recurring.ListRecurringRuns(ctx, &pipelinev1.ListRecurringRunsRequest{
			Namespace: q.Namespace, ExperimentId: q.Experiment,
			PageSize: size, PageToken: token, SortBy: newestFirst, Filter: filter,
		})
		return page.GetRecurringRuns(), page.GetNextPageToken(), err
	})
	return messages(found), err
}

func getRecurringRun(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Recurring.GetRecurringRun(ctx, &pipelinev1.GetRecurringRunRequest{RecurringRunId: id})
}
