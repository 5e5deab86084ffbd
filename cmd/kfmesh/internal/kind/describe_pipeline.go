package kind

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// shownRuns is how many runs the description of an experiment lists, and how
// many versions that of a pipeline.
const shownRuns = 10

// describePipeline prints a pipeline with its newest versions.
func describePipeline(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	pipeline := m.(*pipelinev1.Pipeline)
	versions, err := Versions(ctx, c, pipeline.GetPipelineId(), shownRuns)
	if err != nil {
		return err
	}
	s := &sheet{term: term}
	s.fields(
		[2]string{"Pipeline", PipelineName(pipeline)},
		[2]string{"Id", pipeline.GetPipelineId()},
		[2]string{"Namespace", pipeline.GetNamespace()},
		[2]string{"Description", pipeline.GetDescription()},
		[2]string{"Created", output.Moment(pipeline.GetCreatedAt(), term.Now())},
	)
	s.lines("tags", pairs(pipeline.GetTags()))
	table := &output.Table{Headings: []string{"VERSION ID", "NAME", "AGE", "DESCRIPTION"}}
	for _, v := range versions {
		table.Add(v.GetPipelineVersionId(), v.GetName(), output.Age(v.GetCreatedAt(), term.Now()), v.GetDescription())
	}
	s.table("newest versions", table)
	return s.print()
}

// describeExperiment prints an experiment with its newest runs.
func describeExperiment(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	experiment := m.(*pipelinev1.Experiment)
	runs, err := listRuns(ctx, c, Query{Experiment: experiment.GetExperimentId(), Limit: shownRuns})
	if err != nil {
		return err
	}
	s := &sheet{term: term}
	s.fields(
		[2]string{"Experiment", experiment.GetDisplayName()},
		[2]string{"Id", experiment.GetExperimentId()},
		[2]string{"Namespace", experiment.GetNamespace()},
		[2]string{"Description", experiment.GetDescription()},
		[2]string{"Storage", storage(experiment)},
		[2]string{"Created", output.Moment(experiment.GetCreatedAt(), term.Now())},
		[2]string{"Last run", output.Moment(experiment.GetLastRunCreatedAt(), term.Now())},
	)
	s.table("newest runs", Runs().Table(term, runs, false))
	return s.print()
}

// pairs is a map as sorted "name=value" lines.
func pairs(m map[string]string) []string {
	lines := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, output.Clean(name+"="+m[name]))
	}
	return lines
}
