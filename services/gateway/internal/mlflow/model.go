package mlflow

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (e *edge) modelRoutes() []route {
	return []route{
		{methods: "POST", path: "logged-models", call: e.createModel},
		{methods: "POST", path: "logged-models/search", call: e.searchModels, large: true},
		{methods: "GET", path: "logged-models/{model_id}", call: e.getModel},
		{methods: "PATCH", path: "logged-models/{model_id}", call: e.finalizeModel},
		{methods: "DELETE", path: "logged-models/{model_id}", call: e.deleteModel},
		{methods: "PATCH", path: "logged-models/{model_id}/tags", call: e.setModelTags},
		{methods: "DELETE", path: "logged-models/{model_id}/tags/{key}", call: e.deleteModelTag},
		{methods: "POST", path: "logged-models/{model_id}/params", call: e.logModelParams},
	}
}

func (e *edge) createModel(c *call) error {
	request := &metadatav1.CreateLoggedModelRequest{
		Namespace:    c.namespace,
		ExperimentId: c.required("experiment_id"),
		Name:         c.text("name"),
		ModelType:    c.text("model_type"),
		SourceRunId:  c.text("source_run_id"),
		Params:       forms(c.form, "params", readParam),
		Tags:         forms(c.form, "tags", readTag),
	}
	if err := c.failure(); err != nil {
		return err
	}
	made, err := e.Tracking.CreateLoggedModel(c.ctx, request)
	return answerModel(c, made, err)
}

func (e *edge) getModel(c *call) error {
	request := &metadatav1.GetLoggedModelRequest{
		Namespace: c.namespace, ModelId: c.names["model_id"], AllowDeleted: c.flag("allow_deleted"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Tracking.GetLoggedModel(c.ctx, request)
	return answerModel(c, found, err)
}

func (e *edge) finalizeModel(c *call) error {
	request := &metadatav1.FinalizeLoggedModelRequest{
		Namespace: c.namespace, ModelId: c.names["model_id"],
		Status: metadatav1.LoggedModel_Status(c.need("status").enum("status", modelStatuses)),
	}
	if err := c.failure(); err != nil {
		return err
	}
	done, err := e.Tracking.FinalizeLoggedModel(c.ctx, request)
	return answerModel(c, done, err)
}

func (e *edge) deleteModel(c *call) error {
	_, err := e.Tracking.DeleteLoggedModel(c.ctx, &metadatav1.DeleteLoggedModelRequest{Namespace: c.namespace, ModelId: c.names["model_id"]})
	return err
}

func (e *edge) setModelTags(c *call) error {
	request := &metadatav1.SetLoggedModelTagsRequest{
		Namespace: c.namespace, ModelId: c.names["model_id"], Tags: forms(c.form, "tags", readTag),
	}
	if err := c.failure(); err != nil {
		return err
	}
	set, err := e.Tracking.SetLoggedModelTags(c.ctx, request)
	return answerModel(c, set, err)
}

func (e *edge) deleteModelTag(c *call) error {
	_, err := e.Tracking.SetLoggedModelTags(c.ctx, &metadatav1.SetLoggedModelTagsRequest{
		Namespace: c.namespace, ModelId: c.names["model_id"], DeleteKeys: []string{c.names["key"]},
	})
	return err
}

func (e *edge) logModelParams(c *call) error {
	request := &metadatav1.LogLoggedModelParamsRequest{
		Namespace: c.namespace, ModelId: c.names["model_id"], Params: forms(c.form, "params", readParam),
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.LogLoggedModelParams(c.ctx, request)
	return err
}

func (e *edge) searchModels(c *call) error {
	request := &metadatav1.SearchLoggedModelsRequest{
		Namespace:     c.namespace,
		ExperimentIds: c.texts("experiment_ids"),
		Filter:        c.text("filter"),
		MaxResults:    c.limit(),
		PageToken:     c.text("page_token"),
		OrderBy:       forms(c.form, "order_by", readModelOrder),
		Datasets: forms(c.form, "datasets", func(f form) *metadatav1.SearchLoggedModelsRequest_MetricDataset {
			return &metadatav1.SearchLoggedModelsRequest_MetricDataset{Name: f.text("dataset_name"), Digest: f.text("dataset_digest")}
		}),
	}
	if len(request.ExperimentIds) == 0 {
		c.wrong(missing("experiment_ids"))
	}
	if err := c.failure(); err != nil {
		return err
	}
	page, err := e.Tracking.SearchLoggedModels(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "models", page.GetModels(), writeModel)
	c.reply.some("next_page_token", page.GetNextPageToken())
	return nil
}

func readModelOrder(f form) *metadatav1.SearchLoggedModelsRequest_ModelOrder {
	order := &metadatav1.SearchLoggedModelsRequest_ModelOrder{
		FieldName: f.text("field_name"), DatasetName: f.text("dataset_name"), DatasetDigest: f.text("dataset_digest"),
	}
	if f.has("ascending") {
		ascending := f.flag("ascending")
		order.Ascending = &ascending
	}
	return order
}

func answerModel(c *call, m *metadatav1.LoggedModel, err error) error {
	if err != nil {
		return err
	}
	c.reply.object("model", func() { writeModel(c.reply, m) })
	return nil
}

// modelStatuses are MLflow's names of the states of a logged model.
var modelStatuses = map[string]int32{
	"LOGGED_MODEL_STATUS_UNSPECIFIED": int32(metadatav1.LoggedModel_STATUS_UNSPECIFIED),
	"LOGGED_MODEL_PENDING":            int32(metadatav1.LoggedModel_STATUS_PENDING),
	"LOGGED_MODEL_READY":              int32(metadatav1.LoggedModel_STATUS_READY),
	"LOGGED_MODEL_UPLOAD_FAILED":      int32(metadatav1.LoggedModel_STATUS_FAILED),
}

func writeModel(r *reply, m *metadatav1.LoggedModel) {
	r.object("info", func() {
		r.text("model_id", m.GetModelId())
		r.text("experiment_id", m.GetExperimentId())
		r.text("name", m.GetName())
		r.integer("creation_timestamp_ms", m.GetCreationTime())
		r.integer("last_updated_timestamp_ms", m.GetLastUpdateTime())
		r.text("artifact_uri", m.GetArtifactUri())
		r.text("status", nameOf(modelStatuses, int32(m.GetStatus())))
		r.some("model_type", m.GetModelType())
		r.some("source_run_id", m.GetSourceRunId())
		r.some("status_message", m.GetStatusMessage())
		objects(r, "tags", m.GetTags(), writeTag)
		objects(r, "registrations", m.GetRegistrations(), func(r *reply, v *metadatav1.ModelRegistration) {
			r.text("name", v.GetName())
			r.text("version", v.GetVersion())
		})
	})
	r.object("data", func() {
		objects(r, "params", m.GetParams(), writeParam)
		objects(r, "metrics", m.GetMetrics(), writeMetric)
	})
}
