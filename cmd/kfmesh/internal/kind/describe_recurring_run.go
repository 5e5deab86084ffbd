package kind

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// describeRecurringRun prints a schedule with its newest runs.
func describeRecurringRun(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	r := m.(*pipelinev1.RecurringRun)
	runs, err := listRuns(ctx, c, Query{RecurringRun: r.GetRecurringRunId(), Limit: shownRuns})
	if err != nil {
		return err
	}
	start, end := scheduleBounds(r)
	s := &sheet{term: term}
	s.fields(
		[2]string{"Recurring run", r.GetDisplayName()},
		[2]string{"Id", r.GetRecurringRunId()},
		[2]string{"Status", recurringStatus(r)},
		[2]string{"Description", r.GetDescription()},
		[2]string{"Experiment", experimentName(ctx, c, r.GetExperimentId())},
		[2]string{"Schedule", scheduleText(r)},
		[2]string{"From", output.Moment(start, term.Now())},
		[2]string{"To", output.Moment(end, term.Now())},
		[2]string{"Missed times", missedText(r)},
		[2]string{"Runs at once", strconv.FormatInt(r.GetMaxConcurrency(), 10)},
		[2]string{"Pipeline", r.GetPipelineVersionReference().GetPipelineId()},
		[2]string{"Version", versionText(r)},
		[2]string{"Artifacts under", r.GetRuntimeConfig().GetPipelineRoot()},
		[2]string{"Created", output.Moment(r.GetCreatedAt(), term.Now())},
		[2]string{"Last run", output.Moment(r.GetLastRunAt(), term.Now())},
		[2]string{"Next run", output.Moment(r.GetNextRunAt(), term.Now())},
		[2]string{"Message", r.GetError().GetMessage()},
	)
	s.values("parameters", r.GetRuntimeConfig().GetParameters())
	s.table("newest runs", Runs().Table(term, runs, false))
	return s.print()
}

func scheduleBounds(r *pipelinev1.RecurringRun) (start, end *timestamppb.Timestamp) {
	if cron := r.GetTrigger().GetCronSchedule(); cron != nil {
		return cron.GetStartTime(), cron.GetEndTime()
	}
	periodic := r.GetTrigger().GetPeriodicSchedule()
	return periodic.GetStartTime(), periodic.GetEndTime()
}

func missedText(r *pipelinev1.RecurringRun) string {
	if r.GetNoCatchup() {
		return "the last of them makes a run"
	}
	return "each makes a run"
}

// versionText is the version that runs take.
func versionText(r *pipelinev1.RecurringRun) string {
	ref := r.GetPipelineVersionReference()
	if ref.GetPipelineId() != "" && ref.GetPipelineVersionId() == "" {
		return "the newest at each run"
	}
	return ref.GetPipelineVersionId()
}
