package modelregistry

import (
	"strconv"
	"strings"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const statusPrefix = "STATUS_"

// How Kubeflow's client and MLflow say which run a run is nested in.
const (
	kubeflowParent = "kubeflow.parent_run_id"
	mlflowParent   = "mlflow.parentRunId"
)

// status reads the state of a run.
func (c *call) status() metadatav1.TrackingRunInfo_Status {
	text := c.text("status")
	if text == "" {
		return 0
	}
	status, ok := metadatav1.TrackingRunInfo_Status_value[statusPrefix+text]
	if !ok {
		c.wrong("status", "RUNNING, SCHEDULED, FINISHED, FAILED or KILLED")
	}
	return metadatav1.TrackingRunInfo_Status(status)
}

// now is the time as the API has it.
func now() int64 { return time.Now().UnixMilli() }

// millis reads a time.
func (c *call) millis(field string) int64 {
	text := c.text(field)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		c.wrong(field, "a time in milliseconds since 1970")
	}
	return n
}

func (e *edge) createRun(c *call) (any, error) {
	experiment := c.idText
	if experiment == "" {
		experiment = c.required("experimentId")
	}
	status := c.status()
	request := &metadatav1.CreateTrackingRunRequest{
		Namespace: c.namespace, ExperimentId: experiment, RunName: c.text("name"), UserId: c.text("owner"), StartTime: c.millis("startTimeSinceEpoch"),
		Tags: c.tags(),
	}
	for _, tag := range request.GetTags() {
		if tag.GetKey() == kubeflowParent {
			request.Tags = append(request.Tags, &metadatav1.Tag{Key: mlflowParent, Value: tag.GetValue()})
			break
		}
	}
	if c.failure != nil {
		return nil, c.failure
	}
	run, err := e.Tracking.CreateTrackingRun(c.ctx, request)
	if err != nil {
		return nil, err
	}
	if status > metadatav1.TrackingRunInfo_STATUS_RUNNING {
		_, err := e.Tracking.UpdateTrackingRun(c.ctx, &metadatav1.UpdateTrackingRunRequest{Namespace: c.namespace, RunId: run.GetInfo().GetRunId(), Status: status})
		if err != nil {
			return nil, err
		}
	}
	return e.showRun(c, run.GetInfo().GetRunId())
}

func (e *edge) run(c *call, id string) (*metadatav1.TrackingRun, error) {
	return e.Tracking.GetTrackingRun(c.ctx, &metadatav1.GetTrackingRunRequest{Namespace: c.namespace, RunId: id})
}

func (e *edge) showRun(c *call, id string) (any, error) {
	run, err := e.run(c, id)
	if err != nil {
		return nil, err
	}
	return runObject(run), nil
}

func (e *edge) getRun(c *call) (any, error) { return e.showRun(c, c.idText) }

func (e *edge) findRun(c *call) (any, error) {
	name, external, experiment := c.query.Get("name"), c.query.Get("externalId"), c.query.Get("parentResourceId")
	filter := "attributes.run_name = " + quoted(name)
	switch {
	case external != "":
		filter = tagIs(externalTag, external)
	case name == "" || experiment == "":
		return nil, fault.Invalidf("name", "a run is found by name and parentResourceId, or by externalId; one of them is missing")
	}
	runs, err := e.runs(c, experiment, &metadatav1.SearchRunsRequest{Filter: filter, MaxResults: 1})
	if err != nil {
		return nil, err
	}
	if len(runs.GetRuns()) == 0 {
		return nil, fault.NotFoundf("no experiment run found for name=%q externalId=%q", name, external)
	}
	return runObject(runs.GetRuns()[0]), nil
}

// runs searches the runs of an experiment, or of all.
func (e *edge) runs(c *call, experiment string, request *metadatav1.SearchRunsRequest) (*metadatav1.SearchRunsResponse, error) {
	request.Namespace, request.View = c.namespace, metadatav1.StageView_STAGE_VIEW_ALL
	if experiment != "" {
		if _, err := e.experiment(c, experiment); err != nil {
			return nil, err
		}
		request.ExperimentIds = []string{experiment}
		return e.Tracking.SearchRuns(c.ctx, request)
	}
	all, err := e.Tracking.SearchExperiments(c.ctx, &metadatav1.SearchExperimentsRequest{Namespace: c.namespace, View: metadatav1.StageView_STAGE_VIEW_ALL})
	if err != nil {
		return nil, err
	}
	for _, x := range all.GetExperiments() {
		request.ExperimentIds = append(request.ExperimentIds, x.GetExperimentId())
	}
	return e.Tracking.SearchRuns(c.ctx, request)
}

func (e *edge) listRuns(c *call) (any, error) {
	request := &metadatav1.SearchRunsRequest{
		MaxResults: c.limit(), PageToken: c.query.Get("nextPageToken"), Filter: c.query.Get("filterQuery"),
		OrderBy: c.order("attributes.start_time", "attributes.start_time", "attributes.end_time"),
	}
	if c.failure != nil {
		return nil, c.failure
	}
	found, err := e.runs(c, c.idText, request)
	if err != nil {
		return nil, err
	}
	return page(c, found.GetRuns(), found.GetNextPageToken(), runObject), nil
}

func (e *edge) updateRun(c *call) (any, error) {
	request := &metadatav1.UpdateTrackingRunRequest{Namespace: c.namespace, RunId: c.idText, Status: c.status()}
	if c.has("endTimeSinceEpoch") {
		request.EndTime = new(c.millis("endTimeSinceEpoch"))
	}
	tags, stage := c.tags(), c.stage()
	if c.failure != nil {
		return nil, c.failure
	}
	run, err := e.run(c, c.idText)
	if err != nil {
		return nil, err
	}
	setStage := func(to metadatav1.Stage) error {
		if stage != to || run.GetInfo().GetStage() == to {
			return nil
		}
		_, err := e.Tracking.SetRunStage(c.ctx, &metadatav1.SetRunStageRequest{Namespace: c.namespace, RunId: c.idText, Stage: to})
		return err
	}
	if err := setStage(metadatav1.Stage_STAGE_ACTIVE); err != nil { // before anything: what is archived does not change
		return nil, err
	}
	if request.GetStatus() != 0 || request.EndTime != nil { //nolint:protogetter // unset and 0 differ
		if _, err := e.Tracking.UpdateTrackingRun(c.ctx, request); err != nil {
			return nil, err
		}
	}
	if len(tags) > 0 {
		if _, err := e.Tracking.LogBatch(c.ctx, &metadatav1.LogBatchRequest{Namespace: c.namespace, RunId: c.idText, Tags: tags}); err != nil {
			return nil, err
		}
	}
	if err := setStage(metadatav1.Stage_STAGE_DELETED); err != nil {
		return nil, err
	}
	return e.showRun(c, c.idText)
}

func runObject(run *metadatav1.TrackingRun) object {
	info := run.GetInfo()
	o := object{
		"id": info.GetRunId(), "name": info.GetRunName(), "experimentId": info.GetExperimentId(), "state": showStage(info.GetStage()),
		"status": strings.TrimPrefix(info.GetStatus().String(), statusPrefix), "startTimeSinceEpoch": strconv.FormatInt(info.GetStartTime(), 10),
	}
	o.some("owner", info.GetUserId())
	changed := info.GetStartTime()
	if info.EndTime != nil { //nolint:protogetter // unset and 0 differ
		changed = info.GetEndTime()
		o["endTimeSinceEpoch"] = strconv.FormatInt(changed, 10)
	}
	o.showTags(run.GetTags())
	return o.times(info.GetStartTime(), changed)
}
