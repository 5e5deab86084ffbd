package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// tokenOptions are the flags of token create.
type tokenOptions struct {
	ttl   time.Duration
	node  string
	uses  int32
	quiet bool
}

func tokenCreateCommand(s *Session) *cobra.Command {
	o := &tokenOptions{}
	command := &cobra.Command{
		Use:   "create",
		Short: "Make a token, and print the command with which a machine joins",
		Long: `Make a token, and print the command with which another machine joins. The token is
shown this once: kfmesh keeps no more than a digest of it.`,
		Example: `  kfmesh token create
  kfmesh token create --node gpu-7 --ttl 1h
  kfmesh token create --uses 20             # for twenty machines
  ssh gpu-7 kfmesh agent --join 192.0.2.1:9443 --token $(kfmesh token create -q)`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return s.tokenCreate(command.Context(), o) },
	}
	flags := command.Flags()
	flags.DurationVar(&o.ttl, "ttl", 24*time.Hour, "`time` for which the token is good")
	flags.StringVar(&o.node, "node", "", "`name` of the one node that may join with it; empty means any")
	flags.Int32Var(&o.uses, "uses", 1, "how many machines may join with it")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "print the token and nothing else")
	return command
}

func (s *Session) tokenCreate(ctx context.Context, o *tokenOptions) error {
	switch {
	case o.ttl <= 0:
		return fault.Invalidf("--ttl", "is %s; give a time above 0, such as 24h", o.ttl)
	case o.uses < 1:
		return fault.Invalidf("--uses", "is %d; give 1 or more", o.uses)
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	made, err := c.Tokens.CreateToken(ctx, &meshv1.CreateTokenRequest{Ttl: durationpb.New(o.ttl), Node: o.node, Uses: o.uses})
	if err != nil {
		return err
	}
	if o.quiet {
		_, err := fmt.Fprintln(s.Term.Out, made.GetSecret())
		return err
	}
	return s.printToken(made)
}

// printToken prints the command for the other machine, and where else the head may
// be reached.
func (s *Session) printToken(made *meshv1.CreateTokenResponse) error {
	t, name := made.GetToken(), ""
	if t.GetNode() != "" {
		name = " --node-name " + t.GetNode()
	}
	addresses := made.GetAddresses()
	if len(addresses) == 0 {
		addresses = []string{"HOST:PORT"}
	}
	fmt.Fprintf(s.Term.Out, "On the other machine, within %s:\n\n  kfmesh agent --join %s%s --token %s\n\n",
		output.Duration(t.GetExpireTime().AsTime().Sub(t.GetCreateTime().AsTime())), addresses[0], name, made.GetSecret())
	for i, address := range addresses[1:] {
		if i == 0 {
			fmt.Fprintln(s.Term.Out, "Where that address does not reach this machine, try")
		}
		fmt.Fprintf(s.Term.Out, "  --join %s\n", address)
	}
	_, err := fmt.Fprintf(s.Term.Out, "The token %s admits %s; `kfmesh token delete %[1]s` makes it useless.\n",
		t.GetId(), output.Count(int(t.GetUses()), "machine"))
	return err
}
