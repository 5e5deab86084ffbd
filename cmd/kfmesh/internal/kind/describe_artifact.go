package kind

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/lineage"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// describeArtifact prints an artifact with its lineage, up and down.
func describeArtifact(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	artifact := m.(*metadatav1.Artifact)
	reached, err := c.Metadata.GetLineage(ctx, &metadatav1.GetLineageRequest{ArtifactId: artifact.GetArtifactId()})
	if err != nil {
		return err
	}
	graph := lineage.New(reached)
	s := &sheet{term: term}
	s.fields(
		[2]string{"Artifact", artifact.GetName()},
		[2]string{"Id", artifactID(artifact)},
		[2]string{"Type", artifact.GetType()},
		[2]string{"Where", artifact.GetUri()},
		[2]string{"Digest", artifact.GetDigest()},
		[2]string{"Run", artifact.GetContext()},
		[2]string{"Namespace", artifact.GetNamespace()},
		[2]string{"Created", output.Moment(artifact.GetCreateTime(), term.Now())},
	)
	s.values("metadata", artifact.GetMetadata().GetFields())
	s.lines("made by", graph.Up(artifact.GetArtifactId()))
	s.lines("used by", graph.Down(artifact.GetArtifactId()))
	return s.print()
}
