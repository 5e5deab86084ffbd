package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cacheDescribeCommand(s *Session) *cobra.Command {
	format := output.FormatTable
	command := &cobra.Command{
		Use:     "describe KEY",
		Aliases: []string{"show"},
		Short:   "Tell all there is to know about a cache entry",
		Long: `Tell all there is to know about a cache entry: who made it, when, and which
artifacts a task that reuses it is given. The key may be cut short.`,
		Example: `  kfmesh cache describe 9f2a1c
  kfmesh cache describe 9f2a1c -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.cacheDescribe(command.Context(), format, args[0])
		},
	}
	command.Flags().VarP(&format, "output", "o", "how to print: table, json, yaml or name")
	return command
}

func (s *Session) cacheDescribe(ctx context.Context, format output.Format, key string) error {
	if key == "" {
		return fault.Invalidf("", "the key is empty; `kfmesh cache list` lists keys")
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	entry, err := s.cachedTask(ctx, c, key)
	if err != nil {
		return err
	}
	k := kind.Cached()
	if format.Document() || format == output.FormatName {
		return s.show(format, k, []proto.Message{entry}, false)
	}
	return k.Describe(ctx, c, s.Term, entry)
}

// cachedTask finds the one entry whose key starts with a text.
func (s *Session) cachedTask(ctx context.Context, c *client.Client, key string) (*pipelinev1.CachedTask, error) {
	const candidates = 5
	selector := &pipelinev1.CacheSelector{Namespace: s.namespace, Key: strings.ToLower(key)}
	entries, total, err := cached(ctx, c, selector, candidates)
	switch {
	case err != nil:
		return nil, err
	case total == 0:
		return nil, fault.NotFoundf("there is no cache entry whose key starts with %q; `kfmesh cache list` lists what there is", key)
	case total == 1:
		return entries[0], nil
	}
	violations := make([]fault.Violation, len(entries))
	for i, e := range entries {
		violations[i] = fault.Violation{Field: e.GetKey(), Reason: output.Clean(e.GetPipelineName() + " " + e.GetTaskPath())}
	}
	ambiguous := fault.InvalidAll(violations)
	ambiguous.Message = fmt.Sprintf("%d cache entries have keys that start with %q; give more of one", total, key)
	return nil, ambiguous
}
