package api

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/schema"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// ListKinds implements TrainingService.
func (s *jobs) ListKinds(context.Context, *trainingv1.ListKindsRequest) (*trainingv1.ListKindsResponse, error) {
	out := &trainingv1.ListKindsResponse{}
	add := func(version, name string, shape any) error {
		data, err := json.Marshal(schema.Of(shape))
		if err != nil {
			return fault.Internalf(err, "the schema of %s cannot be written", name)
		}
		out.Kinds = append(out.Kinds, &trainingv1.ManifestKind{ApiVersion: version, Kind: name, Schema: string(data)})
		return nil
	}
	for _, k := range kind.All() {
		if err := add(k.Version, k.Name, k.Shape()); err != nil {
			return nil, err
		}
	}
	shapes := trainjob.Shapes()
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if err := add(kind.TrainerVersion, name, shapes[name]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
