package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/lineage"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// lineageOptions are the flags of lineage.
type lineageOptions struct {
	format   output.Format
	up, down bool
	depth    int32
	refused  bool
	limit    int
}

// mostHops is as far as the metadata service walks.
const mostHops = 100

func lineageCommand(s *Session) *cobra.Command {
	o := &lineageOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "lineage ID",
		Short: "Show what something was made from and what was made from it",
		Long: `Show what something was made from and what was made from it, across runs, as a
tree up and a tree down.

ID is the number of an artifact, "execution/NUMBER", or the name of a registered
model (its newest version) or else of an artifact (the newest of that name).

With --refused it lists the OpenLineage events that the receiver named by
--openlineage-url of ` + "`kfmesh up`" + ` refused, the newest first; -o json has them whole.`,
		Example: `  kfmesh lineage 42                  # an artifact
  kfmesh lineage execution/17        # a task that ran
  kfmesh lineage churn-model --up    # back to the data that a model was trained on
  kfmesh lineage 7 --down --depth 3  # what was made from a dataset, three steps far
  kfmesh lineage 42 -o json
  kfmesh lineage --refused           # what a receiver of OpenLineage events refused`,
		Args: func(command *cobra.Command, args []string) error {
			if o.refused {
				return cobra.NoArgs(command, args)
			}
			return cobra.ExactArgs(1)(command, args)
		},
		RunE: func(command *cobra.Command, args []string) error {
			if o.refused {
				return s.refused(command.Context(), o)
			}
			return s.lineage(command.Context(), o, args[0])
		},
	}
	flags := command.Flags()
	flags.VarP(&o.format, "output", "o", "how to print: table, json or yaml; with --refused also wide or name")
	flags.BoolVar(&o.up, "up", false, "only what it was made from")
	flags.BoolVar(&o.down, "down", false, "only what was made from it")
	flags.Int32Var(&o.depth, "depth", 0, "`steps` to go at most; 0 means 20")
	flags.BoolVar(&o.refused, "refused", false, "list events that the receiver of OpenLineage refused")
	flags.IntVar(&o.limit, "limit", getLimit, "most to list with --refused; 0 means all")
	for _, other := range []string{"up", "down", "depth"} {
		command.MarkFlagsMutuallyExclusive("refused", other)
	}
	return command
}

// refused lists events that the receiver of OpenLineage will not have.
func (s *Session) refused(ctx context.Context, o *lineageOptions) error {
	if o.limit < 0 {
		return fault.Invalidf("--limit", "is %d; give 0 for all, or more", o.limit)
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	found, err := kind.Refused().List(ctx, c, kind.Query{Namespace: s.namespace, Limit: o.limit})
	if err != nil {
		return err
	}
	return s.show(o.format, kind.Refused(), found, true)
}

func (s *Session) lineage(ctx context.Context, o *lineageOptions, ref string) error {
	if o.depth < 0 || o.depth > mostHops {
		return fault.Invalidf("--depth", "is %d; give 0 to %d", o.depth, mostHops)
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	request, err := s.lineageStart(ctx, c, ref)
	if err != nil {
		return err
	}
	request.MaxHops = o.depth
	switch {
	case o.up && !o.down:
		request.Direction = metadatav1.GetLineageRequest_DIRECTION_UP
	case o.down && !o.up:
		request.Direction = metadatav1.GetLineageRequest_DIRECTION_DOWN
	}
	reached, err := c.Metadata.GetLineage(ctx, request)
	if err != nil {
		return err
	}
	if o.format.Document() {
		return output.Messages(s.Term.Out, o.format, []*metadatav1.GetLineageResponse{reached}, false)
	}
	return s.drawLineage(o, request, reached)
}

// drawLineage prints the start and a tree for each direction.
func (s *Session) drawLineage(o *lineageOptions, request *metadatav1.GetLineageRequest, reached *metadatav1.GetLineageResponse) error {
	graph := lineage.New(reached)
	up, down := graph.Up, graph.Down
	start := request.GetArtifactId()
	if start == 0 {
		start, up, down = request.GetExecutionId(), graph.UpFrom, graph.DownFrom
	}
	var b strings.Builder
	b.WriteString(s.Term.Paint(output.Strong, graph.Title(request)) + "\n")
	section := func(wanted bool, heading, none string, lines []string) {
		if !wanted {
			return
		}
		if len(lines) == 0 {
			lines = []string{none}
		}
		b.WriteString("\n" + s.Term.Paint(output.Strong, heading) + "\n  " + strings.Join(lines, "\n  ") + "\n")
	}
	section(o.up || !o.down, "made from", "nothing that is recorded", up(start))
	section(o.down || !o.up, "used by", "nothing that is recorded", down(start))
	_, err := fmt.Fprint(s.Term.Out, b.String())
	return err
}

// lineageStart finds what a reference means.
func (s *Session) lineageStart(ctx context.Context, c *client.Client, ref string) (*metadatav1.GetLineageRequest, error) {
	word, rest, has := strings.Cut(ref, "/")
	if number, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return &metadatav1.GetLineageRequest{ArtifactId: number}, nil
	}
	if number, err := strconv.ParseInt(rest, 10, 64); has && err == nil {
		switch word {
		case "execution", "executions":
			return &metadatav1.GetLineageRequest{ExecutionId: number}, nil
		case "artifact", "artifacts":
			return &metadatav1.GetLineageRequest{ArtifactId: number}, nil
		}
	}
	request, err := s.modelStart(ctx, c, strings.TrimPrefix(strings.TrimPrefix(ref, "models/"), "model/"))
	if !fault.Is(err, fault.NotFound) {
		return request, err
	}
	found, artifactErr := newestArtifact(ctx, c, s.namespace, ref)
	if fault.Is(artifactErr, fault.NotFound) {
		return nil, fault.NotFoundf("there is no registered model and no artifact named %q; "+
			"give the number of an artifact, which `kfmesh get artifacts` lists, or execution/NUMBER", ref)
	}
	return found, artifactErr
}

// modelStart is where the newest version of a registered model comes from: its
// artifact, or else the task that made it.
func (s *Session) modelStart(ctx context.Context, c *client.Client, name string) (*metadatav1.GetLineageRequest, error) {
	version, err := c.Models.GetModelVersion(ctx, &metadatav1.GetModelVersionRequest{Namespace: s.namespace, ModelName: name, Alias: "latest"})
	if err != nil {
		return nil, err
	}
	if artifact := version.GetLineageArtifactId(); artifact != 0 {
		return &metadatav1.GetLineageRequest{ArtifactId: artifact}, nil
	}
	unknown := fault.Preconditionf("version %d of model %q names no artifact, and no task of a pipeline that made it", version.GetNumber(), name)
	if version.GetRunId() == "" {
		return nil, unknown
	}
	run, err := c.Tracking.GetTrackingRun(ctx, &metadatav1.GetTrackingRunRequest{Namespace: s.namespace, RunId: version.GetRunId()})
	if err != nil {
		return nil, err
	}
	task := tagOf(run, "kfmesh.task_id")
	if task == "" {
		return nil, unknown
	}
	filter, err := client.Encode(client.Where(client.Equals("uid", task)))
	if err != nil {
		return nil, err
	}
	page, err := c.Metadata.ListExecutions(ctx, &metadatav1.ListExecutionsRequest{Filter: filter, PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(page.GetExecutions()) == 0 {
		return nil, unknown
	}
	return &metadatav1.GetLineageRequest{ExecutionId: page.GetExecutions()[0].GetExecutionId()}, nil
}

// newestArtifact is the newest artifact of a name.
func newestArtifact(ctx context.Context, c *client.Client, namespace, name string) (*metadatav1.GetLineageRequest, error) {
	where := []*metav1.Predicate{client.Equals("name", name)}
	if namespace != "" {
		where = append(where, client.Equals("namespace", namespace))
	}
	filter, err := client.Encode(client.Where(where...))
	if err != nil {
		return nil, err
	}
	page, err := c.Metadata.ListArtifacts(ctx, &metadatav1.ListArtifactsRequest{Filter: filter, OrderBy: "create_time desc", PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(page.GetArtifacts()) == 0 {
		return nil, fault.NotFoundf("there is no %s %q", kind.Artifacts().Singular, name)
	}
	return &metadatav1.GetLineageRequest{ArtifactId: page.GetArtifacts()[0].GetArtifactId()}, nil
}

// tagOf is a tag of a tracked run; "" when it has none.
func tagOf(run *metadatav1.TrackingRun, key string) string {
	for _, tag := range run.GetTags() {
		if tag.GetKey() == key {
			return tag.GetValue()
		}
	}
	return ""
}
