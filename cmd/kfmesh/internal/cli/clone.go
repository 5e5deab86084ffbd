package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/spec"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cloneCommand(s *Session) *cobra.Command {
	o := &runOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "clone [run] ID or NAME",
		Short: "Run again what a run ran",
		Long: `Start a new run of what a run ran, with its parameters, in its experiment and
with its place for artifacts. Flags say what is to differ.

Tasks whose results are known are reused unless --no-cache is given. To go on
with a run that failed, see "kfmesh retry".`,
		Example: `  kfmesh clone last
  kfmesh clone 9f2a1c3e -p epochs=30 --name longer --follow
  kfmesh clone 9f2a1c3e --no-cache -o json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.clone(command.Context(), o, args)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&o.assignments, "param", "p", nil, "value of a parameter that is to differ, `name=value`; may be repeated")
	flags.StringVar(&o.paramsFile, "params", "", "YAML or JSON `file` with values that are to differ")
	flags.StringVarP(&o.experiment, "experiment", "e", "", "`experiment` to put the run in; made if it does not exist")
	flags.StringVar(&o.name, "name", "", "name of the new run; \"clone of\" and the name of the run if empty")
	flags.StringVar(&o.root, "pipeline-root", "", "`URI` under which artifacts go; that of the run if empty")
	flags.BoolVar(&o.noCache, "no-cache", false, "run every task, also those whose results are known")
	flags.BoolVarP(&o.follow, "follow", "f", false, "show progress until the run has ended")
	flags.VarP(&o.format, "output", "o", "how to print the new run: table, json, yaml or name")
	return command
}

func (s *Session) clone(ctx context.Context, o *runOptions, args []string) error {
	k, ref, err := parseReference(args, kind.Runs())
	if err != nil {
		return err
	}
	if k.Singular != kind.Runs().Singular {
		return fault.Invalidf("", "only runs can be cloned")
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	found, err := k.Resolve(ctx, c, s.namespace, ref)
	if err != nil {
		return err
	}
	run, err := s.cloneOf(ctx, c, o, found.(*pipelinev1.Run))
	if err != nil {
		return err
	}
	run, err = c.Runs.CreateRun(ctx, &pipelinev1.CreateRunRequest{Run: run})
	if err != nil {
		return err
	}
	return s.started(ctx, c, o, run)
}

// cloneOf is the run to ask for: like another but for what the flags say.
func (s *Session) cloneOf(ctx context.Context, c *client.Client, o *runOptions, of *pipelinev1.Run) (*pipelinev1.Run, error) {
	stored, err := c.Runs.GetRunSpec(ctx, &pipelinev1.GetRunSpecRequest{RunId: of.GetRunId()})
	if err != nil {
		return nil, err
	}
	doc := spec.Stored(of.GetDisplayName(), stored)
	values, err := doc.ParametersOver(of.GetRuntimeConfig().GetParameters(), o.paramsFile, o.assignments)
	if err != nil {
		return nil, err
	}
	run := &pipelinev1.Run{
		DisplayName:    cmp.Or(o.name, "clone of "+of.GetDisplayName()),
		Description:    of.GetDescription(),
		ServiceAccount: of.GetServiceAccount(),
		ExperimentId:   of.GetExperimentId(),
		RuntimeConfig: &pipelinev1.RuntimeConfig{
			Parameters:   values,
			PipelineRoot: cmp.Or(o.root, of.GetRuntimeConfig().GetPipelineRoot()),
		},
	}
	if o.experiment != "" {
		if run.ExperimentId, err = s.experimentID(ctx, c, o.experiment); err != nil {
			return nil, err
		}
	}
	if err := setSource(ctx, c, run, of, doc, o.noCache); err != nil {
		return nil, err
	}
	return run, nil
}

// setSource makes a run one of the version that another was of, and of its spec
// when there is no such version, or no longer, or the spec is to differ.
func setSource(ctx context.Context, c *client.Client, run, of *pipelinev1.Run, doc *spec.Document, noCache bool) error {
	if noCache {
		doc.DisableCaching()
	}
	run.PipelineSource = &pipelinev1.Run_PipelineSpec{PipelineSpec: doc.Spec}
	ref := of.GetPipelineVersionReference()
	if ref == nil || noCache {
		return nil
	}
	_, err := c.Pipelines.GetPipelineVersion(ctx, &pipelinev1.GetPipelineVersionRequest{
		PipelineId: ref.GetPipelineId(), PipelineVersionId: ref.GetPipelineVersionId(),
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	run.PipelineSource = &pipelinev1.Run_PipelineVersionReference{PipelineVersionReference: ref}
	return err
}
