package mlflow

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// limit reads how many results are wanted, 0 when that is not said.
func (f form) limit() int32 {
	const name = "max_results"
	n := f.small(name)
	if f.has(name) && n <= 0 {
		f.wrong(fault.New(fault.Invalid, "Invalid value %d for parameter '%s' supplied. It must be a positive integer", n, f.path+name))
	}
	return n
}

// readPair reads what a tag and a parameter are.
func readPair(f form) (key, v string) { return f.required("key"), f.text("value") }

func readTag(f form) *metadatav1.Tag {
	key, v := readPair(f)
	return &metadatav1.Tag{Key: key, Value: v}
}

func readParam(f form) *metadatav1.Param {
	key, v := readPair(f)
	return &metadatav1.Param{Key: key, Value: v}
}

func writeTag(r *reply, t *metadatav1.Tag) {
	r.text("key", t.GetKey())
	r.text("value", t.GetValue())
}

func writeParam(r *reply, p *metadatav1.Param) {
	r.text("key", p.GetKey())
	r.text("value", p.GetValue())
}

// readMetric reads a point. Its value and time must be there.
func readMetric(f form) *metadatav1.Metric {
	f.need("key", "value", "timestamp")
	return &metadatav1.Metric{
		Key: f.text("key"), Value: f.number("value"), Timestamp: f.integer("timestamp"), Step: f.integer("step"),
		ModelId: f.text("model_id"), DatasetName: f.text("dataset_name"), DatasetDigest: f.text("dataset_digest"),
	}
}

func writeMetric(r *reply, m *metadatav1.Metric) {
	r.text("key", m.GetKey())
	r.number("value", m.GetValue())
	r.integer("timestamp", m.GetTimestamp())
	r.integer("step", m.GetStep())
	r.some("dataset_name", m.GetDatasetName())
	r.some("dataset_digest", m.GetDatasetDigest())
	r.some("model_id", m.GetModelId())
	r.some("run_id", m.GetRunId())
}

// views are MLflow's names of which stages a search looks at.
var views = map[string]int32{
	"ACTIVE_ONLY":  int32(metadatav1.StageView_STAGE_VIEW_ACTIVE_ONLY),
	"DELETED_ONLY": int32(metadatav1.StageView_STAGE_VIEW_DELETED_ONLY),
	"ALL":          int32(metadatav1.StageView_STAGE_VIEW_ALL),
}

func readView(f form, name string) metadatav1.StageView {
	return metadatav1.StageView(f.enum(name, views))
}

func stageName(stage metadatav1.Stage) string {
	if stage == metadatav1.Stage_STAGE_DELETED {
		return "deleted"
	}
	return "active"
}
