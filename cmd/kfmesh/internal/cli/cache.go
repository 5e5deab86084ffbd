package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cacheCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "cache",
		Short: "Look at and clear what finished tasks left to be reused",
		Long: `Look at and clear what finished tasks left for later runs to reuse.

A task with caching on is not run again while an earlier run of the same pipeline
has done the same: the same command, image, environment and parameters, and input
artifacts with the same content. Clearing an entry makes its task run again; the
artifacts stay where they are.`,
		Example: `  kfmesh cache list --pipeline breast-cancer
  kfmesh cache describe 9f2a1c
  kfmesh cache clear --task train --older-than 168h`,
	}
	command.AddCommand(cacheListCommand(s), cacheDescribeCommand(s), cacheClearCommand(s))
	return command
}

// cacheSelection are the flags that select cache entries.
type cacheSelection struct {
	pipeline  string
	run       string
	task      string
	key       string
	olderThan time.Duration
}

func (o *cacheSelection) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.pipeline, "pipeline", "", "only of the pipeline with this `name`")
	flags.StringVar(&o.run, "run", "", "only what this `run` made")
	flags.StringVar(&o.task, "task", "", "only of this `task`: its name or path")
	flags.StringVar(&o.key, "key", "", "only with this `key`, or one that starts with it")
	flags.DurationVar(&o.olderThan, "older-than", 0, "only what was made this long ago or longer, such as 168h")
}

// selector is the selection as the server takes it. A run that is gone may have
// left entries, so one that cannot be found is taken for an id.
func (s *Session) selector(ctx context.Context, c *client.Client, o *cacheSelection) (*pipelinev1.CacheSelector, error) {
	selector := &pipelinev1.CacheSelector{
		Namespace: s.namespace, PipelineName: o.pipeline, Task: o.task, Key: o.key, RunId: o.run,
	}
	switch {
	case o.olderThan < 0:
		return nil, fault.Invalidf("--older-than", "is %s; give 0 for any age, or more", o.olderThan)
	case o.olderThan > 0:
		selector.CreatedBefore = timestamppb.New(s.Term.Now().Add(-o.olderThan))
	}
	if o.run != "" {
		run, err := kind.Runs().Resolve(ctx, c, s.namespace, o.run)
		switch {
		case err == nil:
			selector.RunId = kind.Runs().ID(run)
		case !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	return selector, nil
}

// cached lists the entries of a selection, the newest first, and counts those
// that the limit left out too. A limit of 0 means all.
func cached(ctx context.Context, c *client.Client, selector *pipelinev1.CacheSelector, limit int) (entries []*pipelinev1.CachedTask, total int, err error) {
	entries, err = client.Collect(limit, func(size int32, token string) ([]*pipelinev1.CachedTask, string, error) {
		page, err := c.Cache.ListCacheEntries(ctx, &pipelinev1.ListCacheEntriesRequest{
			Selector: selector, PageSize: size, PageToken: token,
		})
		total = int(page.GetTotalSize())
		return page.GetEntries(), page.GetNextPageToken(), err
	})
	return entries, total, err
}
