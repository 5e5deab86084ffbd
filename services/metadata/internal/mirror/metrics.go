package mirror

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/kind"
)

// metricsOf makes metrics of the outputs of an execution that ended then: the
// numbers of Metrics; the cells of the confusion matrix and the ROC curve, a point
// a step, of ClassificationMetrics. Where two outputs have a metric of one name
// each is told by its output's name as well.
func metricsOf(outputs []*metadatav1.ArtifactEvent, at int64) []*metadatav1.Metric {
	named := map[string]int{}
	for _, event := range outputs {
		for name := range numbersOf(event) {
			named[name]++
		}
	}
	var metrics []*metadatav1.Metric
	for _, event := range outputs {
		numbers := numbersOf(event)
		for _, name := range slices.Sorted(maps.Keys(numbers)) {
			full := name
			if named[name] > 1 {
				full = event.GetKey() + "." + name
			}
			metrics = append(metrics, &metadatav1.Metric{Key: key(full), Value: numbers[name], Timestamp: at})
		}
		if event.GetArtifact().GetType() == kind.ClassificationMetrics {
			metrics = append(metrics, classification(event.GetKey(), event.GetArtifact().GetMetadata().GetFields(), at)...)
		}
	}
	return metrics
}

// numbersOf are the numbers of a Metrics artifact, by name.
func numbersOf(event *metadatav1.ArtifactEvent) map[string]float64 {
	if event.GetArtifact().GetType() != kind.Metrics {
		return nil
	}
	numbers := map[string]float64{}
	for name, value := range event.GetArtifact().GetMetadata().GetFields() {
		if number, ok := value.GetKind().(*structpb.Value_NumberValue); ok {
			numbers[name] = number.NumberValue
		}
	}
	return numbers
}

// classification makes metrics of what the SDK's ClassificationMetrics holds.
func classification(output string, fields map[string]*structpb.Value, at int64) []*metadatav1.Metric {
	var metrics []*metadatav1.Metric
	add := func(name string, value *structpb.Value, step int) {
		if number, ok := value.GetKind().(*structpb.Value_NumberValue); ok {
			metrics = append(metrics, &metadatav1.Metric{Key: key(output + "." + name), Value: number.NumberValue, Timestamp: at, Step: int64(step)})
		}
	}
	for i, point := range fields["confidenceMetrics"].GetListValue().GetValues() {
		p := point.GetStructValue().GetFields()
		add("roc.false_positive_rate", p["falsePositiveRate"], i)
		add("roc.recall", p["recall"], i)
		add("roc.threshold", p["confidenceThreshold"], i)
	}
	matrix := fields["confusionMatrix"].GetStructValue().GetFields()
	categories := matrix["annotationSpecs"].GetListValue().GetValues()
	category := func(i int) string {
		if i < len(categories) {
			return categories[i].GetStructValue().GetFields()["displayName"].GetStringValue()
		}
		return fmt.Sprint(i)
	}
	for i, row := range matrix["rows"].GetListValue().GetValues() {
		cells := row.GetListValue()
		if cells == nil {
			cells = row.GetStructValue().GetFields()["row"].GetListValue()
		}
		for j, cell := range cells.GetValues() {
			add("confusion_matrix."+category(i)+"."+category(j), cell, 0)
		}
	}
	return metrics
}

// metricsArtifact is what an execution logged, as an artifact. One that was answered
// with another has the artifact of that.
func metricsArtifact(e *metadatav1.Execution, metrics []*metadatav1.Metric) *metadatav1.Artifact {
	values := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(metrics))}
	for _, m := range metrics {
		values.Fields[m.GetKey()] = numberValue(m.GetValue())
	}
	return &metadatav1.Artifact{
		Uid:       uuid.NewSHA1(uuid.NameSpaceOID, []byte(cmp.Or(origin(e), e.GetUid())+"/"+LoggedKey)).String(),
		Namespace: e.GetNamespace(),
		Name:      LoggedKey,
		Type:      kind.Metrics,
		Metadata:  values,
		Context:   e.GetContext(),
	}
}

// numberValue is a number as JSON can say it: what is not finite is a text.
func numberValue(number float64) *structpb.Value {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return structpb.NewStringValue(strconv.FormatFloat(number, 'g', -1, 64))
	}
	return structpb.NewNumberValue(number)
}
