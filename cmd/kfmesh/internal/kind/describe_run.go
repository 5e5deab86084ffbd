package kind

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/report"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// describeRun prints a run: its parameters and outputs, the tree of its tasks,
// its metrics and artifacts, and what failed.
func describeRun(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	run := m.(*pipelinev1.Run)
	listed, err := c.Runs.ListTasks(ctx, &pipelinev1.ListTasksRequest{RunId: run.GetRunId()})
	if err != nil {
		return err
	}
	tasks := listed.GetTasks()
	s := &sheet{term: term}
	s.fields(
		[2]string{"Run", run.GetDisplayName()},
		[2]string{"Id", run.GetRunId()},
		[2]string{"State", tree.StateName(run.GetState())},
		[2]string{"Description", run.GetDescription()},
		[2]string{"Experiment", experimentName(ctx, c, run.GetExperimentId())},
		[2]string{"Pipeline", run.GetPipelineVersionReference().GetPipelineId()},
		[2]string{"Version", run.GetPipelineVersionReference().GetPipelineVersionId()},
		[2]string{"Artifacts under", run.GetRuntimeConfig().GetPipelineRoot()},
		[2]string{"Recurring run", recurringRunName(ctx, c, run.GetRecurringRunId())},
		[2]string{"Created", output.Moment(run.GetCreatedAt(), term.Now())},
		[2]string{"Finished", output.Moment(run.GetFinishedAt(), term.Now())},
		[2]string{"Duration", output.Elapsed(run.GetCreatedAt(), run.GetFinishedAt(), term.Now())},
		[2]string{"Message", run.GetError().GetMessage()},
	)
	s.values("parameters", run.GetRuntimeConfig().GetParameters())
	s.values("output parameters", outputsOf(tasks))
	s.lines("tasks", tree.Draw(tree.Rows(tree.Build(tasks), term.Now()), term, tree.Still))
	s.lines("warnings", warningsOf(tasks))
	s.keep(report.Metrics(term, &s.text, tasks))
	s.keep(report.Artifacts(term, &s.text, tasks))
	report.Failures(term, &s.text, run, tasks)
	return s.print()
}

// outputsOf is what a run made: the output parameters of its root.
func outputsOf(tasks []*pipelinev1.Task) map[string]*structpb.Value {
	for _, task := range tasks {
		if task.GetPath() == "" {
			return task.GetOutputParameters().GetFields()
		}
	}
	return nil
}

// recurringRunName is the name of the recurring run that made a run, with its id,
// or the id alone when it is gone.
func recurringRunName(ctx context.Context, c *client.Client, id string) string {
	if id == "" {
		return ""
	}
	made, err := c.Recurring.GetRecurringRun(ctx, &pipelinev1.GetRecurringRunRequest{RecurringRunId: id})
	if err != nil {
		return id
	}
	return made.GetDisplayName() + " (" + id + ")"
}

// experimentName is the name of an experiment with its id, or the id alone when
// the experiment is gone.
func experimentName(ctx context.Context, c *client.Client, id string) string {
	if id == "" {
		return ""
	}
	experiment, err := c.Experiments.GetExperiment(ctx, &pipelinev1.GetExperimentRequest{ExperimentId: id})
	if err != nil {
		return id
	}
	return experiment.GetDisplayName() + " (" + id + ")"
}
