// Package metric reads the metrics out of the artifacts of a run, as the kfp
// SDK's dsl.Metrics and dsl.ClassificationMetrics write them into artifact
// metadata. It is pure, and ignores what it does not understand.
package metric

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
)

// Schema titles of artifacts that hold metrics.
const (
	scalarType         = "system.Metrics"
	classificationType = "system.ClassificationMetrics"
)

// Metrics is what one artifact holds.
type Metrics struct {
	Scalars   []Scalar
	Confusion *Confusion // nil when there is none
	Curve     *Curve     // nil when there is none
}

// Scalar is a number with its name.
type Scalar struct {
	Name  string
	Value float64
}

// Confusion is a confusion matrix: rows are true classes, columns predicted.
type Confusion struct {
	Classes []string
	Cells   [][]float64
}

// Curve is a ROC curve, boiled down.
type Curve struct {
	Points int
	Area   float64 // below the curve, by the trapezoidal rule
}

// Of reads an artifact's metadata. It reports false when the artifact is not of
// a metrics type or holds no metric.
func Of(schemaTitle string, metadata *structpb.Struct) (Metrics, bool) {
	var m Metrics
	switch schemaTitle {
	case scalarType:
		m.Scalars = scalars(metadata)
	case classificationType:
		fields := metadata.GetFields()
		m.Scalars = scalars(metadata)
		m.Confusion = confusion(fields["confusionMatrix"].GetStructValue())
		m.Curve = curve(fields["confidenceMetrics"].GetListValue().GetValues())
	}
	return m, len(m.Scalars) > 0 || m.Confusion != nil || m.Curve != nil
}

func scalars(metadata *structpb.Struct) []Scalar {
	var found []Scalar
	for name, value := range metadata.GetFields() {
		if number, ok := value.GetKind().(*structpb.Value_NumberValue); ok {
			found = append(found, Scalar{Name: name, Value: number.NumberValue})
		}
	}
	slices.SortFunc(found, func(a, b Scalar) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

func confusion(matrix *structpb.Struct) *Confusion {
	rows := matrix.GetFields()["rows"].GetListValue().GetValues()
	if len(rows) == 0 {
		return nil
	}
	c := &Confusion{}
	for _, spec := range matrix.GetFields()["annotationSpecs"].GetListValue().GetValues() {
		c.Classes = append(c.Classes, spec.GetStructValue().GetFields()["displayName"].GetStringValue())
	}
	for _, row := range rows {
		var cells []float64
		for _, cell := range row.GetStructValue().GetFields()["row"].GetListValue().GetValues() {
			cells = append(cells, cell.GetNumberValue())
		}
		if len(cells) != len(c.Classes) {
			return nil
		}
		c.Cells = append(c.Cells, cells)
	}
	if len(c.Cells) != len(c.Classes) {
		return nil
	}
	return c
}

func curve(readings []*structpb.Value) *Curve {
	if len(readings) == 0 {
		return nil
	}
	type point struct{ fpr, tpr float64 }
	points := make([]point, len(readings))
	for i, reading := range readings {
		fields := reading.GetStructValue().GetFields()
		points[i] = point{fpr: fields["falsePositiveRate"].GetNumberValue(), tpr: fields["recall"].GetNumberValue()}
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.fpr, b.fpr), cmp.Compare(a.tpr, b.tpr))
	})
	area := 0.0
	for i := 1; i < len(points); i++ {
		area += (points[i].fpr - points[i-1].fpr) * (points[i].tpr + points[i-1].tpr) / 2
	}
	return &Curve{Points: len(points), Area: area}
}
