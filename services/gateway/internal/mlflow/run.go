package mlflow

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (e *edge) runRoutes() []route {
	return []route{
		{methods: "POST", path: "runs/create", call: e.createRun},
		{methods: "GET", path: "runs/get", call: e.getRun},
		{methods: "POST", path: "runs/update", call: e.updateRun},
		{methods: "POST", path: "runs/delete", call: e.deleteRun},
		{methods: "POST", path: "runs/restore", call: e.restoreRun},
		{methods: "POST", path: "runs/search", call: e.searchRuns, large: true},
	}
}

func (e *edge) createRun(c *call) error {
	request := &metadatav1.CreateTrackingRunRequest{
		Namespace:    c.namespace,
		ExperimentId: c.text("experiment_id"),
		UserId:       c.text("user_id"),
		StartTime:    c.integer("start_time"),
		RunName:      c.text("run_name"),
		Tags:         forms(c.form, "tags", readTag),
	}
	if err := c.failure(); err != nil {
		return err
	}
	made, err := e.Tracking.CreateTrackingRun(c.ctx, request)
	if err != nil {
		return err
	}
	c.reply.object("run", func() { writeRun(c.reply, made) })
	return nil
}

func (e *edge) getRun(c *call) error {
	request := &metadatav1.GetTrackingRunRequest{Namespace: c.namespace, RunId: c.runID()}
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Tracking.GetTrackingRun(c.ctx, request)
	if err != nil {
		return err
	}
	c.reply.object("run", func() { writeRun(c.reply, found) })
	return nil
}

func (e *edge) updateRun(c *call) error {
	request := &metadatav1.UpdateTrackingRunRequest{
		Namespace: c.namespace,
		RunId:     c.runID(),
		Status:    metadatav1.TrackingRunInfo_Status(c.enum("status", runStatuses)),
		RunName:   c.text("run_name"),
	}
	if c.has("end_time") {
		end := c.integer("end_time")
		request.EndTime = &end
	}
	if err := c.failure(); err != nil {
		return err
	}
	info, err := e.Tracking.UpdateTrackingRun(c.ctx, request)
	if err != nil {
		return err
	}
	c.reply.object("run_info", func() { writeRunInfo(c.reply, info) })
	return nil
}

func (e *edge) deleteRun(c *call) error { return e.setRunStage(c, metadatav1.Stage_STAGE_DELETED) }

func (e *edge) restoreRun(c *call) error { return e.setRunStage(c, metadatav1.Stage_STAGE_ACTIVE) }

func (e *edge) setRunStage(c *call, stage metadatav1.Stage) error {
	request := &metadatav1.SetRunStageRequest{Namespace: c.namespace, RunId: c.runID(), Stage: stage}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.SetRunStage(c.ctx, request)
	return err
}

// mostRuns is how many runs a search may ask for.
const mostRuns = 50_000

func (e *edge) searchRuns(c *call) error {
	request := &metadatav1.SearchRunsRequest{
		Namespace:     c.namespace,
		ExperimentIds: c.texts("experiment_ids"),
		Filter:        c.text("filter"),
		View:          readView(c.form, "run_view_type"),
		MaxResults:    c.limit(),
		OrderBy:       c.texts("order_by"),
		PageToken:     c.text("page_token"),
	}
	if v, _ := c.find("max_results"); request.MaxResults > mostRuns {
		c.wrong(mistyped("max_results", v))
	}
	if err := c.failure(); err != nil {
		return err
	}
	pieces, err := e.Tracking.StreamRuns(c.ctx, request)
	if err != nil {
		return err
	}
	return stream(c.reply, "runs", pieces.Recv, (*metadatav1.SearchRunsResponse).GetRuns, writeRun)
}

// runStatuses are MLflow's names of the states of a run.
var runStatuses = map[string]int32{
	"RUNNING":   int32(metadatav1.TrackingRunInfo_STATUS_RUNNING),
	"SCHEDULED": int32(metadatav1.TrackingRunInfo_STATUS_SCHEDULED),
	"FINISHED":  int32(metadatav1.TrackingRunInfo_STATUS_FINISHED),
	"FAILED":    int32(metadatav1.TrackingRunInfo_STATUS_FAILED),
	"KILLED":    int32(metadatav1.TrackingRunInfo_STATUS_KILLED),
}

// nameOf returns the name that stands for a value of an enumeration.
func nameOf(names map[string]int32, v int32) string {
	for name, known := range names {
		if known == v {
			return name
		}
	}
	return ""
}

func writeRun(r *reply, run *metadatav1.TrackingRun) {
	r.object("info", func() { writeRunInfo(r, run.GetInfo()) })
	r.object("data", func() {
		objects(r, "metrics", run.GetMetrics(), writeMetric)
		objects(r, "params", run.GetParams(), writeParam)
		objects(r, "tags", run.GetTags(), writeTag)
	})
	r.object("inputs", func() {
		objects(r, "dataset_inputs", run.GetDatasetInputs(), writeDatasetInput)
		objects(r, "model_inputs", run.GetModelInputs(), func(r *reply, m *metadatav1.ModelInput) {
			r.text("model_id", m.GetModelId())
		})
	})
	r.object("outputs", func() {
		objects(r, "model_outputs", run.GetModelOutputs(), func(r *reply, m *metadatav1.ModelOutput) {
			r.text("model_id", m.GetModelId())
			r.integer("step", m.GetStep())
		})
	})
}

func writeRunInfo(r *reply, info *metadatav1.TrackingRunInfo) {
	r.text("run_uuid", info.GetRunId())
	r.text("run_id", info.GetRunId())
	r.text("run_name", info.GetRunName())
	r.text("experiment_id", info.GetExperimentId())
	r.text("user_id", info.GetUserId())
	r.some("status", nameOf(runStatuses, int32(info.GetStatus())))
	r.integer("start_time", info.GetStartTime())
	if info != nil && info.EndTime != nil {
		r.integer("end_time", info.GetEndTime())
	}
	r.text("artifact_uri", info.GetArtifactUri())
	r.text("lifecycle_stage", stageName(info.GetStage()))
}

func writeDatasetInput(r *reply, in *metadatav1.DatasetInput) {
	objects(r, "tags", in.GetTags(), writeTag)
	r.object("dataset", func() {
		d := in.GetDataset()
		r.text("name", d.GetName())
		r.text("digest", d.GetDigest())
		r.text("source_type", d.GetSourceType())
		r.text("source", d.GetSource())
		r.some("schema", d.GetSchema())
		r.some("profile", d.GetProfile())
	})
}
