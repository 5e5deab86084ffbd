package kind

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Experiments is the kind of experiments, which group runs: those of pipelines, and
// those that MLflow clients made, in one list.
func Experiments() *Kind {
	return &Kind{
		Singular: "experiment", Plural: "experiments", Short: []string{"e", "exp"},
		Whole: true,
		Columns: []Column{
			column("ID", func(e *pipelinev1.Experiment) string { return output.ShortID(e.GetExperimentId()) }),
			column("NAME", (*pipelinev1.Experiment).GetDisplayName),
			column("FROM", madeBy),
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
	if err != nil {
		return nil, err
	}
	if !q.Others {
		return messages(experiments), nil
	}
	tracked, err := trackedExperiments(ctx, c, q, experiments)
	if err != nil {
		return nil, err
	}
	experiments = append(experiments, tracked...)
	slices.SortStableFunc(experiments, func(a, b *pipelinev1.Experiment) int {
		return b.GetCreatedAt().AsTime().Compare(a.GetCreatedAt().AsTime())
	})
	if q.Limit > 0 && len(experiments) > q.Limit {
		experiments = experiments[:q.Limit]
	}
	return messages(experiments), nil
}

func getExperiment(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Experiments.GetExperiment(ctx, &pipelinev1.GetExperimentRequest{ExperimentId: id})
}

// derivedDigits is how many digits the id of a tracked experiment has that stands
// for one of pipelines.
const derivedDigits = 18

// trackedExperiments are the experiments that MLflow clients made, of a namespace;
// none means the default one. Those that stand for experiments of pipelines are in
// the list already.
func trackedExperiments(ctx context.Context, c *client.Client, q Query, listed []*pipelinev1.Experiment) ([]*pipelinev1.Experiment, error) {
	experiments, err := client.Collect(q.Limit, func(size int32, token string) ([]*metadatav1.TrackingExperiment, string, error) {
		page, err := c.Tracking.SearchExperiments(ctx, &metadatav1.SearchExperimentsRequest{
			Namespace: q.Namespace, MaxResults: size, PageToken: token, OrderBy: []string{"creation_time DESC"},
		})
		return page.GetExperiments(), page.GetNextPageToken(), err
	})
	var made []*pipelinev1.Experiment
	for _, e := range experiments {
		shared := e.GetExperimentId() == "0" && slices.ContainsFunc(listed, func(l *pipelinev1.Experiment) bool {
			return l.GetDisplayName() == e.GetName() && l.GetNamespace() == e.GetNamespace()
		})
		if len(e.GetExperimentId()) != derivedDigits && !shared {
			made = append(made, asExperiment(e))
		}
	}
	return made, err
}

func asExperiment(e *metadatav1.TrackingExperiment) *pipelinev1.Experiment {
	return &pipelinev1.Experiment{
		ExperimentId: e.GetExperimentId(), DisplayName: e.GetName(), Namespace: e.GetNamespace(),
		CreatedAt: timestamppb.New(time.UnixMilli(e.GetCreationTime())),
	}
}

// madeBy says where an experiment comes from.
func madeBy(e *pipelinev1.Experiment) string {
	if isNumber(e.GetExperimentId()) {
		return "mlflow"
	}
	return "pipelines"
}

func isNumber(id string) bool { return id != "" && strings.Trim(id, "0123456789") == "" }
