package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func modelsPromoteCommand(s *Session) *cobra.Command {
	format, stage, archive := output.FormatTable, "Production", false
	command := &cobra.Command{
		Use:   "promote NAME VERSION",
		Short: "Move a version of a model to another stage",
		Long: `Move a version of a model to another stage: None, Staging, Production or Archived.

VERSION is its number, its name or an alias.`,
		Example: `  kfmesh models promote iris 3
  kfmesh models promote iris candidate --stage Staging
  kfmesh models promote iris 3 --stage Production --archive-existing`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			c, err := s.client(ctx)
			if err != nil {
				return err
			}
			v, err := kind.FindVersion(ctx, c, s.namespace, args[0], args[1])
			if err != nil {
				return err
			}
			moved, err := c.Models.TransitionModelVersion(ctx, &metadatav1.TransitionModelVersionRequest{
				Namespace: s.namespace, Name: args[0], Version: strconv.FormatInt(v.GetNumber(), 10), Stage: stage, ArchiveExistingVersions: archive,
			})
			if err != nil {
				return err
			}
			return s.showVersion(format, moved, fmt.Sprintf("version %d of model %s is in %s", moved.GetNumber(), args[0], kind.StageWord(moved.GetStage())))
		},
	}
	flags := command.Flags()
	flags.VarP(&format, "output", "o", "how to print the version: table, json, yaml or name")
	flags.StringVar(&stage, "stage", stage, "`stage` to move it to: None, Staging, Production or Archived")
	flags.BoolVar(&archive, "archive-existing", false, "move the versions that are in Staging or Production, where it goes, to Archived")
	return command
}

func modelsAliasCommand(s *Session) *cobra.Command {
	remove := false
	command := &cobra.Command{
		Use:   "alias NAME ALIAS [VERSION]",
		Short: "Point an alias of a model to a version, or remove it",
		Long: `Point an alias of a model to a version, or remove it with --delete.

An alias points to one version at a time. VERSION is its number, its name or
another alias. "models:/NAME@ALIAS" is the version to MLflow's clients.`,
		Example: `  kfmesh models alias iris champion 3
  kfmesh models alias iris champion --delete`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(command *cobra.Command, args []string) error {
			if (len(args) == 3) == remove {
				return fault.Invalidf("", "give a version to point the alias to, or --delete to remove it")
			}
			ctx := command.Context()
			c, err := s.client(ctx)
			if err != nil {
				return err
			}
			if remove {
				if _, err := c.Models.DeleteModelAlias(ctx, &metadatav1.DeleteModelAliasRequest{Namespace: s.namespace, Name: args[0], Alias: args[1]}); err != nil {
					return err
				}
				_, err = fmt.Fprintf(s.Term.Out, "alias %s of model %s is gone\n", args[1], args[0])
				return err
			}
			v, err := kind.FindVersion(ctx, c, s.namespace, args[0], args[2])
			if err != nil {
				return err
			}
			_, err = c.Models.SetModelAlias(ctx, &metadatav1.SetModelAliasRequest{
				Namespace: s.namespace, Name: args[0], Alias: args[1], Version: strconv.FormatInt(v.GetNumber(), 10),
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.Term.Out, "alias %s of model %s is version %d\n", args[1], args[0], v.GetNumber())
			return err
		},
	}
	command.Flags().BoolVar(&remove, "delete", false, "remove the alias")
	return command
}
