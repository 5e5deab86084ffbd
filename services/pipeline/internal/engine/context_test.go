package engine

import (
	"maps"
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func TestParametersThatWereNotGivenHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	spec := &ir.Spec{}
	spec.Root.InputDefinitions.Parameters = map[string]ir.ParameterDef{
		"rate": {HasDefault: true, DefaultValue: 0.5}, "epochs": {HasDefault: true, DefaultValue: 3.0},
		"note": {HasDefault: true, DefaultValue: nil}, "name": {},
	}
	given := map[string]any{"rate": 0.1, "name": "x"}
	all := withDefaults(spec, given)
	if want := map[string]any{"rate": 0.1, "name": "x", "epochs": 3.0}; !maps.Equal(all, want) {
		t.Errorf("shown are %v, want %v", all, want)
	}
	if len(given) != 2 {
		t.Errorf("the run itself is given %v", given)
	}
}
