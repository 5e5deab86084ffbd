package kind

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Pipelines is the kind of stored pipelines.
func Pipelines() *Kind {
	return &Kind{
		Singular: "pipeline", Plural: "pipelines", Short: []string{"p"},
		Whole: true,
		Columns: []Column{
			column("ID", func(p *pipelinev1.Pipeline) string { return output.ShortID(p.GetPipelineId()) }),
			column("NAME", PipelineName),
			timedColumn("AGE", func(p *pipelinev1.Pipeline, t *output.Terminal) string {
				return output.Age(p.GetCreatedAt(), t.Now())
			}),
			column("DESCRIPTION", (*pipelinev1.Pipeline).GetDescription),
			wide(column("PIPELINE ID", (*pipelinev1.Pipeline).GetPipelineId)),
			spread(column("NAMESPACE", (*pipelinev1.Pipeline).GetNamespace)),
		},
		ID:       func(m proto.Message) string { return m.(*pipelinev1.Pipeline).GetPipelineId() },
		Name:     func(m proto.Message) string { return PipelineName(m.(*pipelinev1.Pipeline)) },
		List:     listPipelines,
		Get:      getPipeline,
		Describe: describePipeline,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, o DeleteOptions) error {
			_, err := c.Pipelines.DeletePipeline(ctx, &pipelinev1.DeletePipelineRequest{
				PipelineId: m.(*pipelinev1.Pipeline).GetPipelineId(), Cascade: o.Cascade,
			})
			return err
		},
	}
}

// PipelineName is what a pipeline is called.
func PipelineName(p *pipelinev1.Pipeline) string {
	if p.GetName() != "" {
		return p.GetName()
	}
	return p.GetDisplayName()
}

func listPipelines(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	filter, err := client.Encode(client.Where(q.match.predicates("pipeline_id", "name")...))
	if err != nil {
		return nil, err
	}
	pipelines, err := client.Collect(q.Limit, func(size int32, token string) ([]*pipelinev1.Pipeline, string, error) {
		page, err := c.Pipelines.ListPipelines(ctx, &pipelinev1.ListPipelinesRequest{
			Namespace: q.Namespace, PageSize: size, PageToken: token, SortBy: newestFirst, Filter: filter,
		})
		return page.GetPipelines(), page.GetNextPageToken(), err
	})
	return messages(pipelines), err
}

func getPipeline(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Pipelines.GetPipeline(ctx, &pipelinev1.GetPipelineRequest{PipelineId: id})
}

// Versions returns the versions of a pipeline, the newest first.
func Versions(ctx context.Context, c *client.Client, pipelineID string, limit int) ([]*pipelinev1.PipelineVersion, error) {
	return client.Collect(limit, func(size int32, token string) ([]*pipelinev1.PipelineVersion, string, error) {
		page, err := c.Pipelines.ListPipelineVersions(ctx, &pipelinev1.ListPipelineVersionsRequest{
			PipelineId: pipelineID, PageSize: size, PageToken: token, SortBy: newestFirst,
		})
		return page.GetPipelineVersions(), page.GetNextPageToken(), err
	})
}
