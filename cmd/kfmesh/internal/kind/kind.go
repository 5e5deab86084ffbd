// Package kind says what the commands can do with each kind of resource: how
// to list, find, show, describe, cancel and delete runs, recurring runs, pipelines,
// experiments, artifacts, models and their versions, training jobs, workloads, nodes,
// queues, priority classes, secrets, config maps and volumes. A new kind is one file here.
//
// A resource is named by its id, by the start of its id if that is not made of its name and no
// other shares it, by its name if no other has it, or by "last", the newest (see Resolve).
package kind

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Query narrows a list. Kinds ignore what does not concern them; Kind.Flags
// says what does.
type Query struct {
	Namespace    string
	Limit        int             // 0 means all
	Experiment   string          // id; runs and recurring runs only
	RecurringRun string          // id; runs only
	State        string          // runs and jobs only
	Labels       labels.Selector // what has them; jobs, workloads and nodes only
	Run          string          // id; artifacts only
	Type         string          // artifacts only
	Model        string          // name; versions of models only
	Others       bool            // also what is of the kind, but not to be worked with here; experiments only
	match        match           // set by Resolve
}

// match asks for what has a name, or an id that starts with a text. Kinds
// whose services cannot search answer with everything; Resolve checks anyway.
type match struct {
	name     string
	idPrefix string
}

// DeleteOptions say how far a deletion goes.
type DeleteOptions struct {
	Cascade   bool // what belongs to it too; pipelines only
	Artifacts bool // what it wrote too; runs only
}

// Kind is a kind of resource. A nil function is something that cannot be done
// with it.
type Kind struct {
	Singular string
	Plural   string
	Short    []string // other spellings
	Flags    []string // flags of get that narrow its list
	Columns  []Column
	Whole    bool // List returns resources as whole as Get does
	Named    bool // ids are names, or made of them: the start of one is none

	ID   func(proto.Message) string
	Name func(proto.Message) string // for people; may equal the id

	// List returns resources, the newest first where the kind has an age.
	List func(context.Context, *client.Client, Query) ([]proto.Message, error)
	// Widen adds to resources what only -o wide shows.
	Widen func(context.Context, *client.Client, []proto.Message) error
	// Get returns the resource with exactly this id.
	Get func(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error)
	// Describe prints all there is to say about a resource.
	Describe func(context.Context, *client.Client, *output.Terminal, proto.Message) error
	// Cancel stops a resource that runs.
	Cancel func(context.Context, *client.Client, proto.Message) error
	// Enable and Disable let a resource act by itself, or keep it from that.
	Enable  func(context.Context, *client.Client, proto.Message) error
	Disable func(context.Context, *client.Client, proto.Message) error
	// Delete forgets a resource.
	Delete func(context.Context, *client.Client, proto.Message, DeleteOptions) error
}

// All lists the kinds in the order in which help shows them.
func All() []*Kind {
	return []*Kind{
		Runs(), RecurringRuns(), Pipelines(), Experiments(), Artifacts(), Models(), ModelVersions(), Jobs(),
		Workloads(), Nodes(), Queues(), PriorityClasses(), Runtimes(), Secrets(), ConfigMaps(), Volumes(),
	}
}

// Parse finds a kind by any of its spellings. One of Kubeflow's kinds of jobs is those jobs
// alone.
func Parse(word string) (*Kind, error) {
	if of := jobKind(word); of != "" {
		return jobsOf(of), nil
	}
	var plurals []string
	for _, k := range All() {
		if slices.Contains(k.Spellings(), strings.ToLower(word)) {
			return k, nil
		}
		plurals = append(plurals, k.Plural)
	}
	return nil, fault.Invalidf("", "%q is not a kind of resource; the kinds are %s", word, strings.Join(plurals, ", "))
}

// Spellings lists what the kind may be called, the plural first.
func (k *Kind) Spellings() []string {
	return append([]string{k.Plural, k.Singular}, k.Short...)
}

// Column is one column of a kind's table.
type Column struct {
	Heading string
	Wide    bool // shown with -o wide only
	Spread  bool // shown without it too where it is not the same in all rows
	Cell    func(m proto.Message, term *output.Terminal) output.Cell
}

// column makes a Column of a function over the kind's own message.
func column[M proto.Message](heading string, text func(M) string) Column {
	return Column{Heading: heading, Cell: func(m proto.Message, _ *output.Terminal) output.Cell {
		return output.Cell{Text: text(m.(M))}
	}}
}

// stateColumn is a column whose text has the colour of the state it names.
func stateColumn[M proto.Message](heading string, text func(M) string) Column {
	return Column{Heading: heading, Cell: func(m proto.Message, _ *output.Terminal) output.Cell {
		state := text(m.(M))
		return output.Cell{Text: state, Style: output.StateStyle(state)}
	}}
}

// timedColumn is a column whose text depends on the time.
func timedColumn[M proto.Message](heading string, text func(M, *output.Terminal) string) Column {
	return Column{Heading: heading, Cell: func(m proto.Message, term *output.Terminal) output.Cell {
		return output.Cell{Text: text(m.(M), term)}
	}}
}

// wide makes a column one of -o wide.
func wide(c Column) Column {
	c.Wide = true
	return c
}

// spread makes a column one that tells rows apart: it is the first where they differ in it.
func spread(c Column) Column {
	c.Wide, c.Spread = true, true
	return c
}

// Table lays resources out.
func (k *Kind) Table(term *output.Terminal, messages []proto.Message, wide bool) *output.Table {
	table := &output.Table{Uncut: wide}
	columns := k.shown(term, messages, wide)
	for _, c := range columns {
		table.Headings = append(table.Headings, c.Heading)
	}
	for _, m := range messages {
		row := make([]output.Cell, 0, len(columns))
		for _, c := range columns {
			row = append(row, orDash(c.Cell(m, term)))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// shown are the columns that a table of these resources has.
func (k *Kind) shown(term *output.Terminal, messages []proto.Message, wide bool) []Column {
	var first, rest []Column
	for _, c := range k.Columns {
		differs := func(m proto.Message) bool { return c.Cell(m, term).Text != c.Cell(messages[0], term).Text }
		switch {
		case c.Spread && !wide && slices.ContainsFunc(messages, differs):
			first = append(first, c)
		case !c.Wide || wide:
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

// labelled reports whether a resource with these labels is asked for.
func (q Query) labelled(of map[string]string) bool {
	return q.Labels == nil || q.Labels.Matches(labels.Set(of))
}

// orDash fills an empty cell, so that columns can be told apart.
func orDash(c output.Cell) output.Cell {
	if c.Text == "" {
		c.Text = "-"
	}
	return c
}

// messages widens a typed list.
func messages[M proto.Message](typed []M) []proto.Message {
	all := make([]proto.Message, len(typed))
	for i, m := range typed {
		all[i] = m
	}
	return all
}
