package cli

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// fakeTracking has one experiment that an MLflow client made, the default one, and
// one that stands for an experiment of pipelines.
type fakeTracking struct {
	metadatav1.UnimplementedTrackingServiceServer
}

func (fakeTracking) SearchExperiments(context.Context, *metadatav1.SearchExperimentsRequest) (*metadatav1.SearchExperimentsResponse, error) {
	return &metadatav1.SearchExperimentsResponse{Experiments: []*metadatav1.TrackingExperiment{
		{ExperimentId: "7", Name: "notebook", Namespace: "default", CreationTime: 1000},
		{ExperimentId: "123456789012345678", Name: "mine", Namespace: "default"},
	}}, nil
}
