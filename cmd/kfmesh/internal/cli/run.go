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

// runOptions are the flags of run.
type runOptions struct {
	assignments []string
	paramsFile  string
	pipeline    string
	version     string
	experiment  string
	name        string
	root        string
	noCache     bool
	follow      bool
	format      output.Format
}

func runCommand(s *Session) *cobra.Command {
	o := &runOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "run FILE | run --pipeline NAME",
		Short: "Run a pipeline",
		Long: `Run a compiled pipeline: a .yaml, .json, .zip or .tar.gz file, "-" for standard
input, or one that was uploaded before.

Parameters are given as -p name=value and read as the type that the pipeline
declares: text as it is, anything else as JSON. With --follow, the exit status
says whether the run succeeded; an interrupt leaves the run going.`,
		Example: `  kfmesh run pipeline.yaml
  kfmesh run pipeline.yaml -p epochs=3 -p 'layers=[64, 32]' --follow
  kfmesh run pipeline.yaml --params params.yaml --experiment tuning
  kfmesh run --pipeline breast-cancer --no-cache -f
  generate-pipeline | kfmesh run - --name nightly`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.run(command.Context(), o, args)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&o.assignments, "param", "p", nil, "value of a parameter, `name=value`; may be repeated")
	flags.StringVar(&o.paramsFile, "params", "", "YAML or JSON `file` with values of parameters")
	flags.StringVar(&o.pipeline, "pipeline", "", "run this uploaded `pipeline` instead of a file")
	flags.StringVar(&o.version, "version", "", "`version` of --pipeline, by name or id; the newest if empty")
	flags.StringVarP(&o.experiment, "experiment", "e", "", "`experiment` to put the run in; made if it does not exist")
	flags.StringVar(&o.name, "name", "", "name of the run; the pipeline's name and the time if empty")
	flags.StringVar(&o.root, "pipeline-root", "", "`URI` under which artifacts go; the server's own place if empty")
	flags.BoolVar(&o.noCache, "no-cache", false, "run every task, also those whose results are known")
	flags.BoolVarP(&o.follow, "follow", "f", false, "show progress until the run has ended")
	flags.VarP(&o.format, "output", "o", "how to print the run: table, json, yaml or name")
	return command
}

func (s *Session) run(ctx context.Context, o *runOptions, args []string) error {
	if err := o.checkSource(args); err != nil {
		return err
	}
	var doc *spec.Document
	if len(args) == 1 {
		read, err := s.readDocument(args[0])
		if err != nil {
			return err
		}
		doc = read
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	run, err := s.newRun(ctx, c, o, doc)
	if err != nil {
		return err
	}
	run, err = c.Runs.CreateRun(ctx, &pipelinev1.CreateRunRequest{Run: run})
	if err != nil {
		return err
	}
	return s.started(ctx, c, o, run)
}

// checkSource refuses flags that do not say what to run.
func (o *runOptions) checkSource(files []string) error {
	if (len(files) == 1) == (o.pipeline != "") {
		return fault.Invalidf("FILE", "give the file of a compiled pipeline, or --pipeline, and not both")
	}
	if o.version != "" && o.pipeline == "" {
		return fault.Invalidf("--version", "goes with --pipeline")
	}
	return nil
}

func (s *Session) readDocument(file string) (*spec.Document, error) {
	content, err := spec.ReadFile(file, s.Term.In)
	if err != nil {
		return nil, err
	}
	content, err = spec.Unpack(file, content)
	if err != nil {
		return nil, err
	}
	return spec.Parse(file, content)
}

// newRun is the run to ask for, of the document or, when that is nil, of an
// uploaded pipeline.
func (s *Session) newRun(ctx context.Context, c *client.Client, o *runOptions, doc *spec.Document) (*pipelinev1.Run, error) {
	run := &pipelinev1.Run{DisplayName: o.name, RuntimeConfig: &pipelinev1.RuntimeConfig{PipelineRoot: o.root}}
	if doc == nil {
		version, err := s.storedVersion(ctx, c, o)
		if err != nil {
			return nil, err
		}
		doc = spec.Stored(o.pipeline, version.GetPipelineSpec())
		run.PipelineSource = &pipelinev1.Run_PipelineVersionReference{
			PipelineVersionReference: &pipelinev1.PipelineVersionReference{
				PipelineId: version.GetPipelineId(), PipelineVersionId: version.GetPipelineVersionId(),
			},
		}
	}
	values, err := doc.Parameters(o.paramsFile, o.assignments)
	if err != nil {
		return nil, err
	}
	run.RuntimeConfig.Parameters = values
	if o.noCache {
		doc.DisableCaching()
	}
	if o.noCache || run.GetPipelineSource() == nil {
		run.PipelineSource = &pipelinev1.Run_PipelineSpec{PipelineSpec: doc.Spec}
	}
	if run.GetDisplayName() == "" {
		run.DisplayName = doc.Name + " " + s.Term.Now().Format("2006-01-02 15:04:05")
	}
	run.ExperimentId, err = s.experimentID(ctx, c, o.experiment)
	return run, err
}

// storedVersion finds the version of an uploaded pipeline that the flags name.
func (s *Session) storedVersion(ctx context.Context, c *client.Client, o *runOptions) (*pipelinev1.PipelineVersion, error) {
	pipeline, err := kind.Pipelines().Resolve(ctx, c, s.namespace, o.pipeline)
	if err != nil {
		return nil, err
	}
	versions, err := kind.Versions(ctx, c, kind.Pipelines().ID(pipeline), 0)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if o.version == "" || o.version == v.GetName() || o.version == v.GetPipelineVersionId() {
			return v, nil
		}
	}
	return nil, fault.NotFoundf("pipeline %q has no version %q; `kfmesh describe pipeline %s` lists them", o.pipeline, o.version, o.pipeline)
}

// experimentID finds an experiment, or makes it. No name means none: the server
// has a default.
func (s *Session) experimentID(ctx context.Context, c *client.Client, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	found, err := kind.Experiments().Resolve(ctx, c, s.namespace, name)
	if err == nil {
		return kind.Experiments().ID(found), nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	made, err := c.Experiments.CreateExperiment(ctx, &pipelinev1.CreateExperimentRequest{
		Experiment: &pipelinev1.Experiment{DisplayName: name, Namespace: s.namespace},
	})
	return made.GetExperimentId(), err
}

// started prints the run that was made, and follows it if asked to.
func (s *Session) started(ctx context.Context, c *client.Client, o *runOptions, run *pipelinev1.Run) error {
	if o.follow {
		return s.follow(ctx, c, run.GetRunId(), o.format)
	}
	if o.format.Document() || o.format == output.FormatName {
		return s.show(o.format, kind.Runs(), []proto.Message{run}, false)
	}
	_, err := fmt.Fprintf(s.Term.Out, "run %s started: %s\nfollow it with: kfmesh wait %s\n",
		run.GetRunId(), output.Clean(run.GetDisplayName()), output.ShortID(run.GetRunId()))
	return err
}
