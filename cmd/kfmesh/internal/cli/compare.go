package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/compare"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	format  output.Format
	differs bool
}

// mostNested is how many nested runs of a run are looked at.
const mostNested = 10_000

func compareCommand(s *Session) *cobra.Command {
	o := &compareOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "compare RUN...",
		Short: "Show parameters and metrics of runs side by side",
		Long: `Show parameters and metrics of runs side by side. What differs is marked with "*".

RUN is a run of a pipeline by its id, the start of it, its name or "last", or a run
that an MLflow client made, by its id. The metrics of a pipeline's run are those of
its tasks, as task/metric.`,
		Example: `  kfmesh compare last 0b6c2ff4
  kfmesh compare baseline candidate --differs
  kfmesh compare 3f2a... 9c1b... -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE:              func(command *cobra.Command, args []string) error { return s.compare(command.Context(), o, args) },
	}
	command.Flags().VarP(&o.format, "output", "o", "how to print: table, json or yaml")
	command.Flags().BoolVar(&o.differs, "differs", false, "only what differs")
	return command
}

func (s *Session) compare(ctx context.Context, o *compareOptions, refs []string) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	runs := make([]compare.Run, len(refs))
	for i, ref := range refs {
		if runs[i], err = s.tracked(ctx, c, ref); err != nil {
			return err
		}
	}
	comparison := compare.Of(runs)
	if o.differs {
		comparison = comparison.Differing()
	}
	if o.format.Document() {
		return output.Value(s.Term.Out, o.format, comparison)
	}
	return comparison.Write(s.Term, s.Term.Out)
}

// tracked reads a run, of a pipeline or of an MLflow client.
func (s *Session) tracked(ctx context.Context, c *client.Client, ref string) (compare.Run, error) {
	id, namespace := ref, s.namespace
	found, err := kind.Runs().Resolve(ctx, c, s.namespace, ref)
	switch run, _ := found.(*pipelinev1.Run); {
	case err == nil:
		id = strings.ReplaceAll(run.GetRunId(), "-", "")
	case !fault.Is(err, fault.NotFound):
		return compare.Run{}, err
	}
	parent, trackingErr := c.Tracking.GetTrackingRun(ctx, &metadatav1.GetTrackingRunRequest{Namespace: namespace, RunId: id})
	if fault.Is(trackingErr, fault.NotFound) && err != nil {
		return compare.Run{}, fault.NotFoundf("there is no run %q, of a pipeline or of an MLflow client; `kfmesh get runs` lists those of pipelines", ref)
	}
	if trackingErr != nil {
		return compare.Run{}, trackingErr
	}
	nested, err := c.Tracking.SearchRuns(ctx, &metadatav1.SearchRunsRequest{
		Namespace: namespace, ExperimentIds: []string{parent.GetInfo().GetExperimentId()},
		Filter: fmt.Sprintf("tags.`mlflow.parentRunId` = '%s'", id), MaxResults: mostNested, OrderBy: []string{"attributes.start_time ASC"},
	})
	if err != nil {
		return compare.Run{}, err
	}
	return compare.Tracked(parent, nested.GetRuns()), nil
}
