package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/report"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/spec"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// uploadOptions are the flags of upload.
type uploadOptions struct {
	name        string
	description string
	pipeline    string
	format      output.Format
}

func uploadCommand(s *Session) *cobra.Command {
	o := &uploadOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "upload FILE",
		Short: "Store a pipeline, or a further version of one",
		Long: `Store a compiled pipeline (.yaml, .json, .zip, .tar.gz, or "-" for standard input)
under a name, or with --pipeline as a further version of one that is there.`,
		Example: `  kfmesh upload pipeline.yaml
  kfmesh upload pipeline.yaml --name breast-cancer --description "picks the best of three"
  kfmesh upload pipeline.yaml --pipeline breast-cancer --name v2`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.upload(command.Context(), o, args[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.name, "name", "", "name of the pipeline or version; the file's name if empty")
	flags.StringVar(&o.description, "description", "", "description for people")
	flags.StringVar(&o.pipeline, "pipeline", "", "store a version of this `pipeline`")
	flags.VarP(&o.format, "output", "o", "how to print what was stored: table, json, yaml or name")
	return command
}

func (s *Session) upload(ctx context.Context, o *uploadOptions, file string) error {
	content, err := spec.ReadFile(file, s.Term.In)
	if err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if o.pipeline != "" {
		return s.uploadVersion(ctx, c, o, file, content)
	}
	stored, err := c.Pipelines.UploadPipeline(ctx, &pipelinev1.UploadPipelineRequest{
		Name: o.name, Description: o.description, Namespace: s.namespace,
		FileName: filepath.Base(file), Content: content,
	})
	if err != nil {
		return err
	}
	if o.format.Document() || o.format == output.FormatName {
		return s.show(o.format, kind.Pipelines(), []proto.Message{stored}, false)
	}
	_, err = fmt.Fprintf(s.Term.Out, "pipeline %s stored: %s\nrun it with: kfmesh run --pipeline %s\n",
		stored.GetPipelineId(), kind.PipelineName(stored), report.ShellWord(kind.PipelineName(stored)))
	return err
}

func (s *Session) uploadVersion(ctx context.Context, c *client.Client, o *uploadOptions, file string, content []byte) error {
	pipeline, err := kind.Pipelines().Resolve(ctx, c, s.namespace, o.pipeline)
	if err != nil {
		return err
	}
	stored, err := c.Pipelines.UploadPipelineVersion(ctx, &pipelinev1.UploadPipelineVersionRequest{
		PipelineId: kind.Pipelines().ID(pipeline), Name: o.name, Description: o.description,
		FileName: filepath.Base(file), Content: content,
	})
	if err != nil {
		return err
	}
	switch {
	case o.format.Document():
		return output.Messages(s.Term.Out, o.format, []proto.Message{stored}, false)
	case o.format == output.FormatName:
		_, err = fmt.Fprintf(s.Term.Out, "version/%s\n", stored.GetPipelineVersionId())
		return err
	}
	_, err = fmt.Fprintf(s.Term.Out, "version %s stored: %s of %s\n",
		stored.GetPipelineVersionId(), stored.GetName(), kind.Pipelines().Name(pipeline))
	return err
}
