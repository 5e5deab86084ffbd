package api

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/registry"
)

// GetModelVersionProvenance implements ModelRegistryService. A run or a logged
// model that is gone is no error: the version outlives it.
func (s *registryServer) GetModelVersionProvenance(ctx context.Context, r *metadatav1.GetModelVersionProvenanceRequest) (*metadatav1.ModelVersionProvenance, error) {
	db, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	models := registry.New(db)
	v, err := models.Version(ctx, &metadatav1.GetModelVersionRequest{
		Namespace: r.GetNamespace(), ModelName: r.GetModelName(), Version: r.GetVersion(),
	})
	if err != nil {
		return nil, err
	}
	behind := &metadatav1.ModelVersionProvenance{Version: v}
	if behind.LineageArtifactId, err = models.LineageArtifact(ctx, r.GetNamespace(), v); err != nil {
		return nil, err
	}
	if id := v.GetRunId(); id != "" {
		behind.Run, err = s.tracking.GetTrackingRun(ctx, &metadatav1.GetTrackingRunRequest{Namespace: r.GetNamespace(), RunId: id})
		if err != nil && !absent(err) {
			return nil, err
		}
		behind.Metrics, behind.Datasets = behind.GetRun().GetMetrics(), behind.GetRun().GetDatasetInputs()
	}
	if id := v.GetLoggedModelId(); id != "" {
		behind.LoggedModel, err = s.tracking.GetLoggedModel(ctx, &metadatav1.GetLoggedModelRequest{Namespace: r.GetNamespace(), ModelId: id, AllowDeleted: true})
		if err != nil && !absent(err) {
			return nil, err
		}
		if metrics := behind.GetLoggedModel().GetMetrics(); len(metrics) > 0 {
			behind.Metrics = metrics
		}
	}
	return behind, nil
}

// absent reports whether something is not there, or its id none.
func absent(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) }
