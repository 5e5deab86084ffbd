package kind_test

import (
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
)

func TestCheck(t *testing.T) {
	text := &metadatav1.Value{Kind: &metadatav1.Value_StringValue{StringValue: "x"}}
	number := &metadatav1.Value{Kind: &metadatav1.Value_IntValue{IntValue: 1}}
	for name, tt := range map[string]struct {
		typeName, property string
		value              *metadatav1.Value
		wrong              bool
	}{
		"declared":          {"kubeflow.org/alpha/data_set", "uri", text, false},
		"of another kind":   {"kubeflow.org/alpha/data_set", "uri", number, true},
		"not declared":      {"kubeflow.org/alpha/model", "colour", text, true},
		"of no known type":  {"my.Thing", "colour", number, false},
		"without a value":   {"my.Thing", "colour", &metadatav1.Value{}, true},
		"of no declaration": {"system.DAGExecution", "colour", text, true},
	} {
		wrong := kind.Check("properties", tt.typeName, map[string]*metadatav1.Value{tt.property: tt.value})
		if (len(wrong) > 0) != tt.wrong || tt.wrong && wrong[0].Field != `properties["`+tt.property+`"]` {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}
