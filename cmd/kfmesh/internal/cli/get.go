package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// getLimit is how many resources a list shows unless told otherwise.
const getLimit = 50

// getOptions are the flags of get.
type getOptions struct {
	format   output.Format
	query    kind.Query
	watch    bool
	all      bool // namespaces, whichever the environment names
	selector string
	interval time.Duration
}

func getCommand(s *Session) *cobra.Command {
	o := &getOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:     "get KIND [ID or NAME ...]",
		Aliases: []string{"list", "ls"},
		Short:   "List resources, the newest first, or show some of them",
		Long: `List resources of a kind, the newest first, or show those that are named.

Kinds: ` + kindsHelp() + `.

A resource is named by its id, its name, or "last"; runs, pipelines and what else has ids
that say nothing, by the start of its id too.`,
		Example: `  kfmesh get runs
  kfmesh get runs --state failed --limit 10 -o wide
  kfmesh get run last -o yaml
  kfmesh get artifacts --run last --type system.Model
  kfmesh get pytorchjobs -l team=vision --state running
  kfmesh get workloads --watch`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(nil),
		RunE: func(command *cobra.Command, args []string) error {
			if o.all {
				s.namespace = ""
			}
			return s.get(command, o, args)
		},
	}
	flags := command.Flags()
	flags.VarP(&o.format, "output", "o", "how to print: table, wide, json, yaml or name")
	flags.IntVar(&o.query.Limit, "limit", getLimit, "most to list; 0 means all")
	flags.StringVar(&o.query.Experiment, "experiment", "", "only runs, or recurring runs, of this `experiment`")
	flags.StringVar(&o.query.RecurringRun, "recurring-run", "", "only runs that this `recurring run` made")
	flags.StringVar(&o.query.State, "state", "", "only runs, or jobs, in this `state`, such as running or failed")
	flags.StringVar(&o.query.Run, "run", "", "only artifacts of this `run`")
	flags.StringVar(&o.query.Type, "type", "", "only artifacts of this `type`, such as system.Model")
	flags.StringVar(&o.query.Model, "model", "", "only versions of this `model`")
	flags.StringVarP(&o.selector, "selector", "l", "", "only jobs, workloads or nodes with these `labels`, such as team=vision,tier!=test")
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "of all namespaces, as without -n; overrides KFMESH_NAMESPACE")
	flags.BoolVarP(&o.watch, "watch", "w", false, "keep showing what there is until interrupted")
	flags.DurationVar(&o.interval, "interval", 2*time.Second, "time between two looks with --watch")
	return command
}

// kindsHelp lists the kinds with their short spellings.
func kindsHelp() string {
	var all []string
	for _, k := range kind.All() {
		all = append(all, k.Plural+" ("+strings.Join(k.Short, ", ")+")")
	}
	return strings.Join(all, ", ")
}

func (s *Session) get(command *cobra.Command, o *getOptions, args []string) error {
	k, refs, err := getArguments(args)
	if err != nil {
		return err
	}
	if err := o.check(command, k); err != nil {
		return err
	}
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if err := s.resolveQuery(ctx, c, &o.query); err != nil {
		return err
	}
	list := func() ([]proto.Message, error) {
		if len(refs) > 0 {
			return s.resolveAll(ctx, c, k, refs)
		}
		return k.List(ctx, c, o.query)
	}
	look := func() ([]proto.Message, error) {
		found, err := list()
		if err == nil && o.format == output.FormatWide && k.Widen != nil {
			err = k.Widen(ctx, c, found)
		}
		return found, err
	}
	if o.watch {
		return s.watch(ctx, o, k, look)
	}
	if len(refs) == 0 && !command.Flags().Changed("limit") {
		return s.showNewest(o, k, look)
	}
	found, err := look()
	if err != nil {
		return err
	}
	return s.show(o.format, k, found, len(refs) != 1)
}

// showNewest prints as many as are listed when nobody says how many, and that there are more.
func (s *Session) showNewest(o *getOptions, k *kind.Kind, look func() ([]proto.Message, error)) error {
	o.query.Limit = getLimit + 1
	found, err := look()
	if err != nil {
		return err
	}
	if err := s.show(o.format, k, found[:min(len(found), getLimit)], true); err != nil || len(found) <= getLimit {
		return err
	}
	_, err = fmt.Fprintf(s.Term.Err, "there are more than these %d %s; --limit 0 shows all\n", getLimit, k.Plural)
	return err
}

// getArguments reads "KIND", "KIND REF..." or "KIND/REF".
func getArguments(args []string) (*kind.Kind, []string, error) {
	if k, err := kind.Parse(args[0]); err == nil {
		return k, args[1:], nil
	}
	return parseReferences(args, nil)
}

// check refuses flags that mean nothing for the kind.
func (o *getOptions) check(command *cobra.Command, k *kind.Kind) error {
	for _, name := range []string{"experiment", "recurring-run", "state", "run", "type", "model", "selector"} {
		if command.Flags().Changed(name) && !slices.Contains(k.Flags, name) {
			return fault.Invalidf("--"+name, "does not go with %s", k.Plural)
		}
	}
	switch {
	case o.query.Limit < 0:
		return fault.Invalidf("--limit", "is %d; give 0 for all, or more", o.query.Limit)
	case o.watch && o.format.Document():
		return fault.Invalidf("--watch", "goes with -o table, wide or name")
	case o.watch && o.interval <= 0:
		return fault.Invalidf("--interval", "is %s; give a time above 0", o.interval)
	}
	o.query.State = strings.ToUpper(o.query.State)
	if o.selector == "" {
		return nil
	}
	var err error
	if o.query.Labels, err = labels.Parse(o.selector); err != nil {
		return fault.Invalidf("--selector", "%v; want such as team=vision,tier!=test", err)
	}
	return nil
}

// resolveQuery replaces references in a query by ids.
func (s *Session) resolveQuery(ctx context.Context, c *client.Client, q *kind.Query) error {
	q.Namespace, q.Others = s.namespace, true
	for _, ref := range []struct {
		kind  *kind.Kind
		value *string
	}{{kind.Experiments(), &q.Experiment}, {kind.RecurringRuns(), &q.RecurringRun}, {kind.Runs(), &q.Run}} {
		if *ref.value == "" {
			continue
		}
		m, err := ref.kind.Resolve(ctx, c, s.namespace, *ref.value)
		if err != nil {
			return err
		}
		*ref.value = ref.kind.ID(m)
	}
	return nil
}

// show prints resources; list says that a document is to be a list even when it
// has one item.
func (s *Session) show(format output.Format, k *kind.Kind, found []proto.Message, list bool) error {
	switch format {
	case output.FormatJSON, output.FormatYAML:
		return output.Messages(s.Term.Out, format, found, list)
	case output.FormatName:
		for _, m := range found {
			if _, err := fmt.Fprintf(s.Term.Out, "%s/%s\n", k.Singular, k.ID(m)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) == 0 {
		_, err := fmt.Fprintf(s.Term.Err, "no %s\n", k.Plural)
		return err
	}
	return k.Table(s.Term, found, format == output.FormatWide).Write(s.Term, s.Term.Out)
}
