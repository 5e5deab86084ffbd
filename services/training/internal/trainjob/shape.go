package trainjob

import "github.com/kfmesh/kfmesh/services/training/internal/kind"

// Shapes are empty specifications by kind: what manifests are read into.
func Shapes() map[string]any {
	return map[string]any{kind.TrainJobName: &spec{}, clusterKind: &runtimeSpec{}, namespacedKind: &runtimeSpec{}}
}
