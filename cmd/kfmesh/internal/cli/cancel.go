package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cancelCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel [KIND] ID or NAME ...",
		Aliases: []string{"stop", "terminate"},
		Short:   "Stop runs or workloads",
		Long: `Stop runs, or workloads. The kind is "run" unless another is given.

What runs is asked to end, and ended after its grace period. A canceled run ends
CANCELED; its logs and what it has written stay.`,
		Example: `  kfmesh cancel last
  kfmesh cancel run 9f2a1c3e
  kfmesh cancel workload my-job`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			k, refs, err := parseReferences(args, kind.Runs())
			if err != nil {
				return err
			}
			switch {
			case k.Singular == kind.Jobs().Singular:
				return fault.Invalidf("", "jobs are not canceled: `kfmesh suspend` stops one for a while, `kfmesh delete` for good")
			case k.Cancel == nil:
				return fault.Invalidf("", "%s do not run, so they cannot be canceled; runs and workloads can", k.Plural)
			}
			return s.change(command.Context(), k, refs, "canceling", k.Cancel)
		},
	}
}

// change does something to each resource that is referred to and says so.
func (s *Session) change(ctx context.Context, k *kind.Kind, refs []string, doing string,
	do func(context.Context, *client.Client, proto.Message) error,
) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	found, err := s.resolveAll(ctx, c, k, refs)
	if err != nil {
		return err
	}
	for _, m := range found {
		if err := do(ctx, c, m); err != nil {
			return err
		}
		fmt.Fprintf(s.Term.Out, "%s %s %s\n", doing, k.Singular, label(k, m))
	}
	return nil
}

// label is an id, with the name where that is not in it.
func label(k *kind.Kind, m proto.Message) string {
	if id, name := k.ID(m), k.Name(m); name != "" && name != id && !strings.HasSuffix(id, "/"+name) {
		return fmt.Sprintf("%s (%s)", id, name)
	}
	return k.ID(m)
}
