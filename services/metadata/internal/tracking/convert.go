package tracking

import (
	"math"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// stageOf reads a stage as it is stored.
func stageOf(stored string) metadatav1.Stage {
	if stored == deleted {
		return metadatav1.Stage_STAGE_DELETED
	}
	return metadatav1.Stage_STAGE_ACTIVE
}

// storedStage undoes stageOf.
func storedStage(stage metadatav1.Stage) string {
	if stage == metadatav1.Stage_STAGE_DELETED {
		return deleted
	}
	return active
}

// A status is stored as MLflow spells it: without its prefix.
const statusPrefix = "STATUS_"

func runStatus(stored string) metadatav1.TrackingRunInfo_Status {
	return metadatav1.TrackingRunInfo_Status(metadatav1.TrackingRunInfo_Status_value[statusPrefix+stored])
}

func storedRunStatus(status metadatav1.TrackingRunInfo_Status) string {
	return strings.TrimPrefix(status.String(), statusPrefix)
}

// number is a metric's value where it is a number, which NaN is not for SQL.
type number struct {
	value float64 // 0 for NaN
	isNaN bool
}

func numberOf(value float64) number {
	if math.IsNaN(value) {
		return number{isNaN: true}
	}
	return number{value: value}
}

func (n number) float() float64 {
	if n.isNaN {
		return math.NaN()
	}
	return n.value
}

// sortable turns a value into an integer that keeps all of its bits and sorts as
// the value does: negative numbers have the bits below the sign inverted. A NaN is
// below or above all numbers, by its sign.
func sortable(value float64) int64 {
	bits := int64(math.Float64bits(value)) //nolint:gosec // the bits are meant
	return bits ^ bits>>63&math.MaxInt64
}

// unsortable undoes sortable.
func unsortable(key int64) float64 {
	return math.Float64frombits(uint64(key ^ key>>63&math.MaxInt64)) //nolint:gosec // the bits are meant
}
