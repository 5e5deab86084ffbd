package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// cacheClearOptions are the flags of cache clear.
type cacheClearOptions struct {
	cacheSelection
	format output.Format
	yes    bool
}

func cacheClearCommand(s *Session) *cobra.Command {
	o := &cacheClearOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:     "clear [KEY]",
		Aliases: []string{"delete", "rm"},
		Short:   "Forget cache entries, so that their tasks run again",
		Long: `Forget cache entries, so that their tasks run again. What they refer to stays.

Without a key and without flags that select, all entries go; that is confirmed
first, or with --yes.`,
		Example: `  kfmesh cache clear --pipeline breast-cancer --task train
  kfmesh cache clear --run last
  kfmesh cache clear 9f2a1c
  kfmesh cache clear --yes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				if o.key != "" || args[0] == "" {
					return fault.Invalidf("--key", "give one key, as an argument or as a flag")
				}
				o.key = args[0]
			}
			return s.cacheClear(command.Context(), o)
		},
	}
	o.register(command)
	command.Flags().VarP(&o.format, "output", "o", "how to print how many went: table, json or yaml")
	command.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask before all entries go")
	return command
}

func (s *Session) cacheClear(ctx context.Context, o *cacheClearOptions) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	selector, err := s.selector(ctx, c, &o.cacheSelection)
	if err != nil {
		return err
	}
	request := &pipelinev1.DeleteCacheEntriesRequest{Selector: selector}
	if proto.Equal(selector, &pipelinev1.CacheSelector{}) {
		_, total, err := cached(ctx, c, selector, 1)
		if err != nil {
			return err
		}
		if err := s.confirm(o.yes, fmt.Sprintf("forget all %d cache entries?", total)); err != nil {
			return err
		}
		request = &pipelinev1.DeleteCacheEntriesRequest{All: true}
	}
	response, err := c.Cache.DeleteCacheEntries(ctx, request)
	if err != nil {
		return err
	}
	if o.format.Document() {
		return output.Value(s.Term.Out, o.format, map[string]int32{"deleted": response.GetDeleted()})
	}
	noun := "entries"
	if response.GetDeleted() == 1 {
		noun = "entry"
	}
	_, err = fmt.Fprintf(s.Term.Out, "forgot %d cache %s\n", response.GetDeleted(), noun)
	return err
}
