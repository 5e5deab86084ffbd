package kind

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Experiments is the kind of experiments, which group runs.
func Experiments() *Kind {
	return &Kind{
		Singular: "experiment", Plural: "experiments", Short: []string{"e", "exp"},
		Whole: true,
		Columns: []Column{
			column("ID", func(e *pipelinev1.Experiment) string { return output.ShortID(e.GetExperimentId()) }),
			column("NAME", (*pipelinev1.Experiment).GetDisplayName),
			timedColumn("LAST RUN", func(e *pipelinev1.Experiment, t *output.Terminal) string {
				return output.Age(e.GetLastRunCreatedAt(), t.Now())
			}),
			timedColumn("AGE", func(e *pipelinev1.Experiment, t *output.Terminal) string {
				return output.Age(e.GetCreatedAt(), t.Now())
			}),
			wide(column("EXPERIMENT ID", (*pipelinev1.Experiment).GetExperimentId)),
			wide(stateColumn("STORAGE", storage)),
			wide(column("DESCRIPTION", (*pipelinev1.Experiment).GetDescription)),
		},
		ID:       func(m proto.Message) string { return m.(*pipelinev1.Experiment).GetExperimentId() },
		Name:     func(m proto.Message) string { return m.(*pipelinev1.Experiment).GetDisplayName() },
		List:     listExperiments,
		Get:      getExperiment,
		Describe: describeExperiment,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			_, err := c.Experiments.DeleteExperiment(ctx, &pipelinev1.DeleteExperimentRequest{
				ExperimentId: m.(*pipelinev1.Experiment).GetExperimentId(),
			})
			return err
		},
	}
}

// storage says whether an experiment was put away; unset means it was not.
func storage(e *pipelinev1.Experiment) string {
	if e.GetStorageState() == pipelinev1.Experiment_ARCHIVED {
		return "ARCHIVED"
	}
	return "AVAILABLE"
}

func listExperiments(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	filter, err := client.Encode(client.Where(q.match.predicates("experiment_id", "display_name")...))
	if err != nil {
		return nil, err
	}
	experiments, err := client.Collect(q.Limit, func(size int32, token string) ([]*pipelinev1.Experiment, string, error) {
		page, err := c.Experiments.ListExperiments(ctx, &pipelinev1.ListExperimentsRequest{
			Namespace: q.Namespace, PageSize: size, PageToken: token, SortBy: newestFirst, Filter: filter,
		})
		return page.GetExperiments(), page.GetNextPageToken(), err
	})
	return messages(experiments), err
}

func getExperiment(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Experiments.GetExperiment(ctx, &pipelinev1.GetExperimentRequest{ExperimentId: id})
}
