package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/spec"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// recurringOptions are the flags of create recurringrun.
type recurringOptions struct {
	run            runOptions // what each run is made of
	when           scheduleOptions
	description    string
	maxConcurrency int64
	noCatchup      bool
	disabled       bool
}

func createRecurringRunCommand(s *Session) *cobra.Command {
	o := &recurringOptions{run: runOptions{format: output.FormatTable}}
	command := &cobra.Command{
		Use:     "recurringrun NAME FILE | recurringrun NAME --pipeline PIPELINE",
		Aliases: []string{"schedule", "rr"},
		Short:   "Run a pipeline again and again",
		Long: `Run a pipeline again and again: at the times of a cron expression, or at an
interval. The first run comes at the first time after now, or after --start.

A cron expression has six fields: second, minute, hour, day of the month, month,
day of the week; or it is one of @hourly, @daily, @weekly, @monthly, @yearly.
Times are UTC, unless it begins with a zone, as in "TZ=Europe/Berlin 0 0 2 * * *".

In text parameters, [[Index]] stands for the number of the run, [[ScheduledTime]]
for its time (or [[ScheduledTime.2006-01-02]] in that form), [[CurrentTime]] for
the time it was made and [[RunUUID]] for its id.

With --pipeline and no --version, each run takes the version that is then newest.`,
		Example: `  kfmesh create recurringrun nightly pipeline.yaml --cron "0 0 2 * * *"
  kfmesh create recurringrun poll --pipeline ingest --every 10m --max-concurrency 2
  kfmesh create schedule report pipeline.yaml --cron @daily -p 'day=[[ScheduledTime.2006-01-02]]' --no-catchup`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return s.createRecurringRun(command.Context(), o, args[0], args[1:])
		},
	}
	flags := command.Flags()
	o.when.addTo(flags)
	flags.StringArrayVarP(&o.run.assignments, "param", "p", nil, "value of a parameter, `name=value`; may be repeated")
	flags.StringVar(&o.run.paramsFile, "params", "", "YAML or JSON `file` with values of parameters")
	flags.StringVar(&o.run.pipeline, "pipeline", "", "run this uploaded `pipeline` instead of a file")
	flags.StringVar(&o.run.version, "version", "", "`version` of --pipeline, by name or id; the newest at each run if empty")
	flags.StringVarP(&o.run.experiment, "experiment", "e", "", "`experiment` to put the runs in; made if it does not exist")
	flags.StringVar(&o.run.root, "pipeline-root", "", "`URI` under which artifacts go; the server's own place if empty")
	flags.BoolVar(&o.run.noCache, "no-cache", false, "run every task, also those whose results are known")
	flags.StringVar(&o.description, "description", "", "description for people")
	flags.Int64Var(&o.maxConcurrency, "max-concurrency", 1, "most runs at once, 1 to 10; further ones wait")
	flags.BoolVar(&o.noCatchup, "no-catchup", false, "of times that were missed, only the last makes a run")
	flags.BoolVar(&o.disabled, "disabled", false, "make no runs until it is enabled")
	flags.VarP(&o.run.format, "output", "o", "how to print what was created: table, json, yaml or name")
	return command
}

func (s *Session) createRecurringRun(ctx context.Context, o *recurringOptions, name string, files []string) error {
	if err := o.run.checkSource(files); err != nil {
		return err
	}
	if o.maxConcurrency < 1 || o.maxConcurrency > 10 {
		return fault.Invalidf("--max-concurrency", "is %d; give 1 to 10", o.maxConcurrency)
	}
	trigger, err := o.when.trigger()
	if err != nil {
		return err
	}
	var doc *spec.Document
	if len(files) == 1 {
		if doc, err = s.readDocument(files[0]); err != nil {
			return err
		}
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	o.run.name = name
	asked, err := s.newRecurringRun(ctx, c, o, doc)
	if err != nil {
		return err
	}
	asked.Trigger = trigger
	made, err := c.Recurring.CreateRecurringRun(ctx, &pipelinev1.CreateRecurringRunRequest{RecurringRun: asked})
	if err != nil {
		return err
	}
	return s.recurringRunCreated(o.run.format, made)
}

// newRecurringRun is what to ask for, but for the times.
func (s *Session) newRecurringRun(ctx context.Context, c *client.Client, o *recurringOptions, doc *spec.Document) (*pipelinev1.RecurringRun, error) {
	run, err := s.newRun(ctx, c, &o.run, doc)
	if err != nil {
		return nil, err
	}
	asked := &pipelinev1.RecurringRun{
		DisplayName:    run.GetDisplayName(),
		Description:    o.description,
		RuntimeConfig:  run.GetRuntimeConfig(),
		MaxConcurrency: o.maxConcurrency,
		NoCatchup:      o.noCatchup,
		ExperimentId:   run.GetExperimentId(),
		Namespace:      s.namespace,
	}
	if o.disabled {
		asked.Mode = pipelinev1.RecurringRun_DISABLE
	}
	if ref := run.GetPipelineVersionReference(); ref != nil {
		if o.run.version == "" {
			ref.PipelineVersionId = "" // the newest at each run
		}
		asked.PipelineSource = &pipelinev1.RecurringRun_PipelineVersionReference{PipelineVersionReference: ref}
		return asked, nil
	}
	asked.PipelineSource = &pipelinev1.RecurringRun_PipelineSpec{PipelineSpec: run.GetPipelineSpec()}
	return asked, nil
}

func (s *Session) recurringRunCreated(format output.Format, made *pipelinev1.RecurringRun) error {
	if format.Document() || format == output.FormatName {
		return s.show(format, kind.RecurringRuns(), []proto.Message{made}, false)
	}
	first := "it is disabled; enable it with: kfmesh enable"
	if made.GetNextRunAt() != nil {
		first = "first run " + output.Moment(made.GetNextRunAt(), s.Term.Now()) + "; see its runs with: kfmesh describe recurringrun"
	}
	_, err := fmt.Fprintf(s.Term.Out, "recurring run %s created: %s\n%s %s\n",
		made.GetRecurringRunId(), output.Clean(made.GetDisplayName()), first, output.ShortID(made.GetRecurringRunId()))
	return err
}
