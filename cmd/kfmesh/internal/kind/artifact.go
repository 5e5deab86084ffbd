package kind

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Artifacts is the kind of what executions wrote: datasets, models, metrics.
func Artifacts() *Kind {
	return &Kind{
		Singular: "artifact", Plural: "artifacts", Short: []string{"a"},
		Flags: []string{"run", "type"},
		Whole: true,
		Columns: []Column{
			column("ID", artifactID),
			column("NAME", (*metadatav1.Artifact).GetName),
			column("TYPE", (*metadatav1.Artifact).GetType),
			column("RUN", func(a *metadatav1.Artifact) string { return output.ShortID(a.GetContext()) }),
			timedColumn("AGE", func(a *metadatav1.Artifact, t *output.Terminal) string {
				return output.Age(a.GetCreateTime(), t.Now())
			}),
			column("WHERE", (*metadatav1.Artifact).GetUri),
			wide(column("DIGEST", (*metadatav1.Artifact).GetDigest)),
			wide(column("UID", (*metadatav1.Artifact).GetUid)),
		},
		ID:       func(m proto.Message) string { return artifactID(m.(*metadatav1.Artifact)) },
		Name:     func(m proto.Message) string { return m.(*metadatav1.Artifact).GetName() },
		List:     listArtifacts,
		Get:      getArtifact,
		Describe: describeArtifact,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			_, err := c.Metadata.DeleteArtifact(ctx, &metadatav1.DeleteArtifactRequest{
				ArtifactId: m.(*metadatav1.Artifact).GetArtifactId(),
			})
			return err
		},
	}
}

func artifactID(a *metadatav1.Artifact) string { return strconv.FormatInt(a.GetArtifactId(), 10) }

func listArtifacts(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	if q.match.idPrefix != "" {
		return nil, nil // the start of a number means nothing
	}
	var where []*metav1.Predicate
	for _, field := range []struct{ key, value string }{
		{"namespace", q.Namespace}, {"context", q.Run}, {"type", q.Type}, {"name", q.match.name},
	} {
		if field.value != "" {
			where = append(where, client.Equals(field.key, field.value))
		}
	}
	filter, err := client.Encode(client.Where(where...))
	if err != nil {
		return nil, err
	}
	artifacts, err := client.Collect(q.Limit, func(size int32, token string) ([]*metadatav1.Artifact, string, error) {
		page, err := c.Metadata.ListArtifacts(ctx, &metadatav1.ListArtifactsRequest{
			Filter: filter, OrderBy: "create_time desc", PageSize: size, PageToken: token,
		})
		return page.GetArtifacts(), page.GetNextPageToken(), err
	})
	return messages(artifacts), err
}

func getArtifact(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, fault.NotFoundf("artifact ids are numbers, which %q is not", id)
	}
	return c.Metadata.GetArtifact(ctx, &metadatav1.GetArtifactRequest{ArtifactId: number})
}
