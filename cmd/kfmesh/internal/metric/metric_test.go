package metric

import (
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
)

func object(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScalars(t *testing.T) {
	m, ok := Of("system.Metrics", object(t, map[string]any{"b": 2.0, "a": 0.5, "display_name": "x"}))
	want := []Scalar{{"a", 0.5}, {"b", 2}}
	if !ok || !reflect.DeepEqual(m.Scalars, want) {
		t.Errorf("scalars are %v, want %v", m.Scalars, want)
	}
}

// TestClassification reads what the kfp SDK's log_confusion_matrix and
// log_roc_curve write.
func TestClassification(t *testing.T) {
	reading := func(fpr, tpr float64) any {
		return map[string]any{"confidenceThreshold": 0.5, "falsePositiveRate": fpr, "recall": tpr}
	}
	m, ok := Of("system.ClassificationMetrics", object(t, map[string]any{
		"confusionMatrix": map[string]any{
			"annotationSpecs": []any{map[string]any{"displayName": "cat"}, map[string]any{"displayName": "dog"}},
			"rows":            []any{map[string]any{"row": []any{3.0, 1.0}}, map[string]any{"row": []any{0.0, 4.0}}},
		},
		"confidenceMetrics": []any{reading(1, 1), reading(0, 0), reading(0.5, 1)},
	}))
	if !ok {
		t.Fatal("no metrics found")
	}
	if want := (&Confusion{Classes: []string{"cat", "dog"}, Cells: [][]float64{{3, 1}, {0, 4}}}); !reflect.DeepEqual(m.Confusion, want) {
		t.Errorf("confusion matrix is %v", m.Confusion)
	}
	if m.Curve.Points != 3 || math.Abs(m.Curve.Area-0.75) > 1e-12 {
		t.Errorf("curve is %+v, want an area of 0.75", m.Curve)
	}
}

func TestWhatIsNoMetricIsIgnored(t *testing.T) {
	ragged := map[string]any{"confusionMatrix": map[string]any{
		"annotationSpecs": []any{map[string]any{"displayName": "cat"}},
		"rows":            []any{map[string]any{"row": []any{1.0, 2.0}}},
	}}
	tests := []struct {
		schema string
		fields map[string]any
	}{
		{"system.Model", map[string]any{"accuracy": 1.0}},
		{"system.Metrics", nil},
		{"system.Metrics", map[string]any{"name": "x"}},
		{"system.ClassificationMetrics", ragged},
		{"system.ClassificationMetrics", map[string]any{"confusionMatrix": "x", "confidenceMetrics": "y"}},
	}
	for _, tt := range tests {
		if m, ok := Of(tt.schema, object(t, tt.fields)); ok {
			t.Errorf("%s %v gives %+v", tt.schema, tt.fields, m)
		}
	}
}
