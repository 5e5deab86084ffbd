package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// cacheListOptions are the flags of cache list.
type cacheListOptions struct {
	cacheSelection
	format output.Format
	limit  int
}

func cacheListCommand(s *Session) *cobra.Command {
	o := &cacheListOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "get"},
		Short:   "List cache entries, the newest first",
		Example: `  kfmesh cache list
  kfmesh cache list --pipeline breast-cancer --task train -o wide
  kfmesh cache list --run last -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return s.cacheList(command.Context(), o) },
	}
	o.register(command)
	command.Flags().VarP(&o.format, "output", "o", "how to print: table, wide, json, yaml or name")
	command.Flags().IntVar(&o.limit, "limit", getLimit, "most to list; 0 means all")
	return command
}

func (s *Session) cacheList(ctx context.Context, o *cacheListOptions) error {
	if o.limit < 0 {
		return fault.Invalidf("--limit", "is %d; give 0 for all, or more", o.limit)
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	selector, err := s.selector(ctx, c, &o.cacheSelection)
	if err != nil {
		return err
	}
	entries, total, err := cached(ctx, c, selector, o.limit)
	if err != nil {
		return err
	}
	found := make([]proto.Message, len(entries))
	for i, entry := range entries {
		found[i] = entry
	}
	if err := s.show(o.format, kind.Cached(), found, true); err != nil {
		return err
	}
	if total > len(found) && !o.format.Document() {
		fmt.Fprintf(s.Term.Err, "%d of %d; --limit 0 lists all\n", len(found), total)
	}
	return nil
}
