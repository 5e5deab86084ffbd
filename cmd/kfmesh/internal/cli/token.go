package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
)

func tokenCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "token",
		Short: "Let machines join this kfmesh, and put them out",
		Long: `Let other machines join this kfmesh: a token admits one of them, or a few, for a
while. "kfmesh up" must have been given --mesh-addr.

A machine that has joined needs no token any more. It stays a node of the mesh until
it is put out with "kfmesh token expel".`,
		Example: `  kfmesh token create                      # prints the command for the other machine
  kfmesh token create --node gpu-7 --ttl 1h
  kfmesh token list
  kfmesh token delete 4c8kq1z0
  kfmesh token expel gpu-7`,
	}
	command.AddCommand(tokenCreateCommand(s), tokenListCommand(s), tokenDeleteCommand(s), tokenExpelCommand(s))
	return command
}

func tokenListCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "get"},
		Short:   "List tokens, the newest first, without their secrets",
		Example: `  kfmesh token list`,
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return s.tokenList(command.Context()) },
	}
}

func (s *Session) tokenList(ctx context.Context) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	all, err := c.Tokens.ListTokens(ctx, &meshv1.ListTokensRequest{})
	if err != nil {
		return err
	}
	if len(all.GetTokens()) == 0 {
		_, err := fmt.Fprintln(s.Term.Err, "no tokens")
		return err
	}
	table := output.Table{Headings: []string{"ID", "NODE", "USED", "AGE", "EXPIRES", "JOINED"}}
	for _, t := range all.GetTokens() {
		node, expires := t.GetNode(), output.Until(t.GetExpireTime(), s.Term.Now())
		if node == "" {
			node = "any"
		}
		if !t.GetExpireTime().AsTime().After(s.Term.Now()) {
			expires = "expired"
		}
		table.Add(t.GetId(), node, fmt.Sprintf("%d/%d", len(t.GetJoined()), t.GetUses()),
			output.Age(t.GetCreateTime(), s.Term.Now()), expires, strings.Join(t.GetJoined(), ","))
	}
	return table.Write(s.Term, s.Term.Out)
}

func tokenDeleteCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID...",
		Aliases: []string{"rm"},
		Short:   "Make tokens useless; who has joined with them stays",
		Example: `  kfmesh token delete 4c8kq1z0`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			return s.each(command.Context(), ids, func(ctx context.Context, client meshv1.TokenServiceClient, id string) error {
				if _, err := client.DeleteToken(ctx, &meshv1.DeleteTokenRequest{Id: id}); err != nil {
					return err
				}
				id, _, _ = strings.Cut(id, ".") // a whole token was given
				_, err := fmt.Fprintf(s.Term.Out, "deleted token %s\n", id)
				return err
			})
		},
	}
}

func tokenExpelCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:   "expel NODE...",
		Short: "Put nodes out of the mesh: their certificates are refused from now on",
		Long: `Put nodes out of the mesh: their certificates are refused from now on. What runs on
such a node is lost to the mesh once its lease has run out. It may join anew, with
a token.`,
		Example: `  kfmesh token expel gpu-7`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, nodes []string) error {
			return s.each(command.Context(), nodes, func(ctx context.Context, client meshv1.TokenServiceClient, node string) error {
				if _, err := client.DeleteMember(ctx, &meshv1.DeleteMemberRequest{Node: node}); err != nil {
					return err
				}
				_, err := fmt.Fprintf(s.Term.Out, "put out node %s\n", node)
				return err
			})
		},
	}
}

// each does something to each of what was named. What fails does not keep the others.
func (s *Session) each(ctx context.Context, names []string, do func(context.Context, meshv1.TokenServiceClient, string) error) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, do(ctx, c.Tokens, name))
	}
	return joined(errs)
}
