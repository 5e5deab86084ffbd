package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/schema"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// shapes are all that manifests are read into.
func shapes() map[string]any {
	all := trainjob.Shapes()
	for _, k := range kind.All() {
		all[k.Version+" "+k.Name] = k.Shape()
	}
	return all
}

// TestEveryFieldIsDescribed has whoever adds a field say what it means.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{}
	for _, shape := range shapes() {
		for _, field := range schema.Undescribed(shape) {
			missing[field] = true
		}
	}
	for field := range missing {
		t.Errorf("%s has no description", field)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	k, _ := kind.Find("kubeflow.org/v1", "PyTorchJob")
	data, err := json.Marshal(schema.Of(k.Shape()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"x-kubernetes-list-map-keys":["containerPort","protocol"],"x-kubernetes-list-type":"map"`,
		`"default":"TCP"`, `"nprocPerNode":{"description":`, `"x-kubernetes-int-or-string":true`,
		`"affinity":{"description":"Has no effect here."`,
		`"command":{"description":"`, `"items":{"type":"string"},"type":"array","x-kubernetes-list-type":"atomic"`,
	} {
		if !strings.Contains(string(data), part) {
			t.Errorf("there is no %s", part)
		}
	}
}
