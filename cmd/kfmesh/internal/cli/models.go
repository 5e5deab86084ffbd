package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func modelsCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:     "models",
		Aliases: []string{"model"},
		Short:   "Register models, and say which version is used for what",
		Long: `Register models, and say which version is used for what.

A registered model has versions; a version knows where its content is, and the
run, the data and the metrics behind it. The same models are there for MLflow's
clients and for those of Kubeflow Model Registry.

"kfmesh get models" and "kfmesh get modelversions" list them, "kfmesh describe
model NAME" and "kfmesh describe modelversion NAME/VERSION" show what is behind.`,
		Example: `  kfmesh models register iris --run last
  kfmesh models promote iris 3 --stage Production --archive-existing
  kfmesh models alias iris champion 3
  kfmesh describe model iris`,
	}
	command.AddCommand(modelsRegisterCommand(s), modelsPromoteCommand(s), modelsAliasCommand(s))
	return command
}

// showVersion prints a version that was made or changed: a sentence, or the
// version as it is now.
func (s *Session) showVersion(format output.Format, v *metadatav1.ModelVersion, sentence string) error {
	if format.Document() || format == output.FormatName {
		return s.show(format, kind.ModelVersions(), []proto.Message{v}, false)
	}
	_, err := fmt.Fprintln(s.Term.Out, sentence)
	return err
}
