package mlflow

import (
	"path/filepath"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (e *edge) experimentRoutes() []route {
	return []route{
		{methods: "POST", path: "experiments/create", call: e.createExperiment},
		{methods: "GET", path: "experiments/get", call: e.getExperiment},
		{methods: "GET", path: "experiments/get-by-name", call: e.getExperimentByName},
		{methods: "POST GET", path: "experiments/search", call: e.searchExperiments},
		{methods: "POST", path: "experiments/search-datasets", call: e.searchDatasets},
		{methods: "POST", path: "experiments/update", call: e.updateExperiment},
		{methods: "POST", path: "experiments/delete", call: e.deleteExperiment},
		{methods: "POST", path: "experiments/restore", call: e.restoreExperiment},
		{methods: "POST", path: "experiments/set-experiment-tag", call: e.setExperimentTag},
		{methods: "POST", path: "experiments/delete-experiment-tag", call: e.deleteExperimentTag},
	}
}

func (e *edge) createExperiment(c *call) error {
	request := &metadatav1.CreateExperimentRequest{
		Namespace:        c.namespace,
		Name:             c.required("name"),
		ArtifactLocation: absolute(c.text("artifact_location")),
		Tags:             forms(c.form, "tags", readTag),
	}
	if err := c.failure(); err != nil {
		return err
	}
	made, err := e.Tracking.CreateExperiment(c.ctx, request)
	if err != nil {
		return err
	}
	c.reply.text("experiment_id", made.GetExperimentId())
	return nil
}

// absolute makes a relative path one from the server's own folder, as MLflow does.
// What has a scheme stays as it is.
func absolute(location string) string {
	if location == "" || strings.Contains(location, ":") {
		return location
	}
	path, err := filepath.Abs(location)
	if err != nil {
		return location
	}
	return path
}

func (e *edge) getExperiment(c *call) error {
	return e.answerExperiment(c, &metadatav1.GetTrackingExperimentRequest{
		Namespace: c.namespace, ExperimentId: c.required("experiment_id"),
	})
}

func (e *edge) getExperimentByName(c *call) error {
	return e.answerExperiment(c, &metadatav1.GetTrackingExperimentRequest{
		Namespace: c.namespace, Name: c.required("experiment_name"),
	})
}

func (e *edge) answerExperiment(c *call, request *metadatav1.GetTrackingExperimentRequest) error {
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Tracking.GetTrackingExperiment(c.ctx, request)
	if err != nil {
		return err
	}
	c.reply.object("experiment", func() { writeExperiment(c.reply, found) })
	return nil
}

func (e *edge) searchExperiments(c *call) error {
	request := &metadatav1.SearchExperimentsRequest{
		Namespace:  c.namespace,
		View:       readView(c.form, "view_type"),
		MaxResults: c.limit(),
		OrderBy:    c.texts("order_by"),
		Filter:     c.text("filter"),
		PageToken:  c.text("page_token"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	page, err := e.Tracking.SearchExperiments(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "experiments", page.GetExperiments(), writeExperiment)
	c.reply.some("next_page_token", page.GetNextPageToken())
	return nil
}

func (e *edge) updateExperiment(c *call) error {
	request := &metadatav1.UpdateTrackingExperimentRequest{
		Namespace: c.namespace, ExperimentId: c.required("experiment_id"), Name: c.required("new_name"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.UpdateTrackingExperiment(c.ctx, request)
	return err
}

func (e *edge) deleteExperiment(c *call) error {
	return e.setExperimentStage(c, metadatav1.Stage_STAGE_DELETED)
}

func (e *edge) restoreExperiment(c *call) error {
	return e.setExperimentStage(c, metadatav1.Stage_STAGE_ACTIVE)
}

func (e *edge) setExperimentStage(c *call, stage metadatav1.Stage) error {
	request := &metadatav1.SetExperimentStageRequest{
		Namespace: c.namespace, ExperimentId: c.required("experiment_id"), Stage: stage,
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.SetExperimentStage(c.ctx, request)
	return err
}

func (e *edge) setExperimentTag(c *call) error {
	request := &metadatav1.SetExperimentTagsRequest{
		Namespace: c.namespace, ExperimentId: c.required("experiment_id"),
		Tags: []*metadatav1.Tag{{Key: c.required("key"), Value: c.text("value")}},
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.SetExperimentTags(c.ctx, request)
	return err
}

func (e *edge) deleteExperimentTag(c *call) error {
	request := &metadatav1.SetExperimentTagsRequest{
		Namespace: c.namespace, ExperimentId: c.required("experiment_id"), DeleteKeys: []string{c.required("key")},
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Tracking.SetExperimentTags(c.ctx, request)
	return err
}

func writeExperiment(r *reply, e *metadatav1.TrackingExperiment) {
	r.text("experiment_id", e.GetExperimentId())
	r.text("name", e.GetName())
	r.text("artifact_location", e.GetArtifactLocation())
	r.text("lifecycle_stage", stageName(e.GetStage()))
	r.integer("last_update_time", e.GetLastUpdateTime())
	r.integer("creation_time", e.GetCreationTime())
	objects(r, "tags", e.GetTags(), writeTag)
	r.text("workspace", e.GetNamespace())
}

// searchDatasets answers which datasets experiments read, for MLflow's pages.
func (e *edge) searchDatasets(c *call) error {
	request := &metadatav1.SearchDatasetsRequest{Namespace: c.namespace, ExperimentIds: c.texts("experiment_ids")}
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Tracking.SearchDatasets(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "dataset_summaries", found.GetDatasets(), func(r *reply, d *metadatav1.DatasetSummary) {
		r.text("experiment_id", d.GetExperimentId())
		r.text("name", d.GetName())
		r.text("digest", d.GetDigest())
		if d.Context != nil {
			r.text("context", d.GetContext())
		}
	})
	return nil
}
