package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// gcOptions are the flags of gc.
type gcOptions struct {
	format output.Format
	dryRun bool
}

func gcCommand(s *Session) *cobra.Command {
	o := &gcOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "gc",
		Short: "Remove what retention no longer keeps and what nothing refers to",
		Long: `Remove what the retention settings no longer keep, and what nothing refers to:
training jobs that ended long ago, artifacts and logs of runs that are gone, specs of no version and no run, expired
cache entries, unused Python environments, and what workloads left behind.

What a run uses stays, whatever its age. Retention is off unless the server is
told otherwise: see retain-runs and the settings beside it.`,
		Example: `  kfmesh gc --dry-run        # what would go, and why
  kfmesh gc
  kfmesh gc -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return s.gc(command.Context(), o) },
	}
	command.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would go")
	command.Flags().VarP(&o.format, "output", "o", "how to print: table, json, yaml or name")
	return command
}

func (s *Session) gc(ctx context.Context, o *gcOptions) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	t := &tally{term: s.Term, format: o.format}
	err = collect(ctx, c, o.dryRun, t.add)
	return errors.Join(err, t.finish(o.dryRun))
}

// collect has every service remove its garbage. What one service cannot do does
// not keep the next from its part.
func collect(ctx context.Context, c *client.Client, dryRun bool, add func(*metav1.Garbage) error) error {
	return errors.Join(
		receive(add, func() (stream[*pipelinev1.CollectGarbageResponse], error) {
			return c.Housekeeping.CollectGarbage(ctx, &pipelinev1.CollectGarbageRequest{DryRun: dryRun})
		}),
		receive(add, func() (stream[*gpuagentv1.CollectGarbageResponse], error) {
			return c.NodeHousekeeping.CollectGarbage(ctx, &gpuagentv1.CollectGarbageRequest{DryRun: dryRun})
		}),
		receive(add, func() (stream[*trainingv1.CollectGarbageResponse], error) {
			return c.JobHousekeeping.CollectGarbage(ctx, &trainingv1.CollectGarbageRequest{DryRun: dryRun})
		}),
	)
}

// stream is the answer of a service that collects garbage.
type stream[R interface{ GetGarbage() *metav1.Garbage }] interface {
	Recv() (R, error)
}

// receive adds all that a service says.
func receive[R interface{ GetGarbage() *metav1.Garbage }](add func(*metav1.Garbage) error, call func() (stream[R], error)) error {
	answers, err := call()
	if err != nil {
		return err
	}
	for {
		answer, err := answers.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := add(answer.GetGarbage()); err != nil {
			return err
		}
	}
}

// tally prints garbage as it comes, and what it comes to in the end.
type tally struct {
	term   *output.Terminal
	format output.Format
	items  []*metav1.Garbage // for a document
	count  int
	bytes  int64
}

func (t *tally) add(g *metav1.Garbage) error {
	t.count++
	t.bytes += g.GetBytes()
	var err error
	switch t.format {
	case output.FormatJSON, output.FormatYAML:
		t.items = append(t.items, g)
	case output.FormatName:
		_, err = fmt.Fprintf(t.term.Out, "%s/%s\n", g.GetKind(), output.Clean(g.GetName()))
	default:
		_, err = fmt.Fprintf(t.term.Out, "%-11s   %9s   %s: %s\n", g.GetKind(), output.Bytes(g.GetBytes()),
			output.Clean(g.GetName()), output.Clean(g.GetReason()))
	}
	return err
}

func (t *tally) finish(dryRun bool) error {
	if t.format.Document() {
		items, err := output.Documents(t.items)
		if err != nil {
			return err
		}
		return output.Value(t.term.Out, t.format, map[string]any{
			"items": items, "count": t.count, "bytes": t.bytes, "dry_run": dryRun,
		})
	}
	if t.format == output.FormatName {
		return nil
	}
	did, what := "removed", fmt.Sprintf("%s, %s", output.Count(t.count, "thing"), output.Bytes(t.bytes))
	if dryRun {
		did = "would remove"
	}
	if t.count == 0 {
		what = "nothing"
	}
	_, err := fmt.Fprintf(t.term.Out, "%s %s\n", did, what)
	return err
}
