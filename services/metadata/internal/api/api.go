// Package api answers MetadataService, ArchiveService, TrackingService and
// ModelRegistryService. Handlers check what the request says and leave the rest to
// the packages graph, archive, tracking and registry.
package api

import (
	"context"

	"google.golang.org/grpc"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Source gives the database. While it is being opened Source waits, and returns
// an Unavailable fault when ctx ends first.
type Source func(ctx context.Context) (*sqlstore.DB, error)

// Register adds the services to a server. Followers take part in storing
// executions.
func Register(server grpc.ServiceRegistrar, source Source, followers ...graph.Follower) {
	metadatav1.RegisterMetadataServiceServer(server, &metadataServer{source: source, followers: followers})
	metadatav1.RegisterArchiveServiceServer(server, &archiveServer{source: source})
	tracking := &trackingServer{source: source}
	metadatav1.RegisterTrackingServiceServer(server, tracking)
	metadatav1.RegisterModelRegistryServiceServer(server, &registryServer{source: source, tracking: tracking})
}
