package modelregistry

import (
	"slices"
	"strconv"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Tags that hold what experiments and runs have no field for.
const (
	noteTag     = "mlflow.note.content" // description, which MLflow's pages show
	ownerTag    = "kfmesh.owner"
	externalTag = "kfmesh.external_id"
)

func (e *edge) experimentPaths() map[string]methods {
	return map[string]methods{
		"/experiments":                         {"GET": e.listExperiments, "POST": e.createExperiment},
		"/experiments/{id}":                    {"GET": e.getExperiment, "PATCH": e.updateExperiment},
		"/experiment":                          {"GET": e.findExperiment},
		"/experiments/{id}/experiment_runs":    {"GET": e.listRuns, "POST": e.createRun},
		"/experiment_runs":                     {"GET": e.listRuns, "POST": e.createRun},
		"/experiment_runs/{id}":                {"GET": e.getRun, "PATCH": e.updateRun},
		"/experiment_run":                      {"GET": e.findRun},
		"/experiment_runs/{id}/artifacts":      {"GET": e.listRunArtifacts, "POST": e.logArtifact},
		"/experiment_runs/{id}/metric_history": {"GET": e.metricHistory},
	}
}

// stage reads whether a thing is there or archived, which to MLflow is deleted.
func (c *call) stage() metadatav1.Stage {
	switch c.state() {
	case metadatav1.ModelState_MODEL_STATE_LIVE:
		return metadatav1.Stage_STAGE_ACTIVE
	case metadatav1.ModelState_MODEL_STATE_ARCHIVED:
		return metadatav1.Stage_STAGE_DELETED
	}
	return metadatav1.Stage_STAGE_UNSPECIFIED
}

func showStage(stage metadatav1.Stage) string {
	if stage == metadatav1.Stage_STAGE_DELETED {
		return "ARCHIVED"
	}
	return "LIVE"
}

// tags are what the body says that is kept in tags.
func (c *call) tags() (tags []*metadatav1.Tag) {
	for field, key := range map[string]string{"description": noteTag, "owner": ownerTag, "externalId": externalTag} {
		if c.has(field) {
			tags = append(tags, &metadatav1.Tag{Key: key, Value: c.text(field)})
		}
	}
	for key, value := range c.properties().GetValues() {
		tags = append(tags, &metadatav1.Tag{Key: key, Value: propertyText(value)})
	}
	return tags
}

// showTags writes tags: some in fields of their own, the others as custom
// properties.
func (o object) showTags(tags []*metadatav1.Tag) {
	properties := object{}
	for _, tag := range tags {
		switch tag.GetKey() {
		case noteTag:
			o.some("description", tag.GetValue())
		case ownerTag:
			o.some("owner", tag.GetValue())
		case externalTag:
			o.some("externalId", tag.GetValue())
		case "mlflow.runName": // which is the name
		default:
			properties[tag.GetKey()] = showText(tag.GetValue())
		}
	}
	o["customProperties"] = properties
}

func (e *edge) createExperiment(c *call) (any, error) {
	request := &metadatav1.CreateExperimentRequest{Namespace: c.namespace, Name: c.required("name"), Tags: c.tags()}
	if c.failure != nil {
		return nil, c.failure
	}
	return showExperiment(e.Tracking.CreateExperiment(c.ctx, request))
}

func (e *edge) experiment(c *call, id string) (any, error) {
	return showExperiment(e.Tracking.GetTrackingExperiment(c.ctx, &metadatav1.GetTrackingExperimentRequest{Namespace: c.namespace, ExperimentId: id}))
}

func (e *edge) getExperiment(c *call) (any, error) { return e.experiment(c, c.idText) }

func (e *edge) findExperiment(c *call) (any, error) {
	name, external := c.query.Get("name"), c.query.Get("externalId")
	if name != "" {
		return showExperiment(e.Tracking.GetTrackingExperiment(c.ctx, &metadatav1.GetTrackingExperimentRequest{Namespace: c.namespace, Name: name}))
	}
	if external == "" {
		return nil, fault.Invalidf("name", "is missing, and so is externalId; want one of them")
	}
	found, err := e.Tracking.SearchExperiments(c.ctx, &metadatav1.SearchExperimentsRequest{
		Namespace: c.namespace, View: metadatav1.StageView_STAGE_VIEW_ALL, MaxResults: 1, Filter: tagIs(externalTag, external),
	})
	if err != nil {
		return nil, err
	}
	if len(found.GetExperiments()) == 0 {
		return nil, fault.NotFoundf("no experiment found for external id %q", external)
	}
	return experimentObject(found.GetExperiments()[0]), nil
}

// tagIs is a filter for the value of a tag.
func tagIs(key, value string) string { return "tags.`" + key + "` = " + quoted(value) }

// quoted is a text as filters have it.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (e *edge) listExperiments(c *call) (any, error) {
	request := &metadatav1.SearchExperimentsRequest{
		Namespace: c.namespace, View: metadatav1.StageView_STAGE_VIEW_ALL, MaxResults: c.limit(), PageToken: c.query.Get("nextPageToken"),
		OrderBy: c.order("experiment_id", "creation_time", "last_update_time"), Filter: c.query.Get("filterQuery"),
	}
	if c.failure != nil {
		return nil, c.failure
	}
	found, err := e.Tracking.SearchExperiments(c.ctx, request)
	if err != nil {
		return nil, err
	}
	return page(c, found.GetExperiments(), found.GetNextPageToken(), experimentObject), nil
}

// limit is how many things a page has.
func (c *call) limit() int32 {
	if size := c.pageSize(); size > 0 {
		return min(size, 1000)
	}
	return 20
}

// order reads the order of experiments or runs, in MLflow's grammar.
func (c *call) order(id, made, changed string) []string {
	options := c.options()
	column := map[string]string{"": id, "ID": id, "CREATE_TIME": made, "LAST_UPDATE_TIME": changed}[options.GetOrderBy()]
	if column == "" {
		c.wrong("orderBy", "ID, CREATE_TIME or LAST_UPDATE_TIME")
	}
	if options.GetDescending() {
		return []string{column + " DESC"}
	}
	return []string{column + " ASC"}
}

func (e *edge) updateExperiment(c *call) (any, error) {
	tags, stage := c.tags(), c.stage()
	if c.failure != nil {
		return nil, c.failure
	}
	if len(tags) > 0 {
		_, err := e.Tracking.SetExperimentTags(c.ctx, &metadatav1.SetExperimentTagsRequest{Namespace: c.namespace, ExperimentId: c.idText, Tags: tags})
		if err != nil {
			return nil, err
		}
	}
	if stage != 0 {
		now, err := e.Tracking.GetTrackingExperiment(c.ctx, &metadatav1.GetTrackingExperimentRequest{Namespace: c.namespace, ExperimentId: c.idText})
		if err != nil {
			return nil, err
		}
		if now.GetStage() != stage {
			_, err := e.Tracking.SetExperimentStage(c.ctx, &metadatav1.SetExperimentStageRequest{Namespace: c.namespace, ExperimentId: c.idText, Stage: stage})
			if err != nil {
				return nil, err
			}
		}
	}
	return e.experiment(c, c.idText)
}

func showExperiment(x *metadatav1.TrackingExperiment, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return experimentObject(x), nil
}

func experimentObject(x *metadatav1.TrackingExperiment) object {
	o := object{"id": x.GetExperimentId(), "name": x.GetName(), "state": showStage(x.GetStage())}
	o.showTags(x.GetTags())
	return o.times(x.GetCreationTime(), x.GetLastUpdateTime())
}

// metricHistory are the points of one metric of a run, or of all of them.
func (e *edge) metricHistory(c *call) (any, error) {
	run, err := e.run(c, c.idText)
	if err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(c.query.Get("name"), func(r rune) bool { return r == ',' })
	var points []object
	for _, latest := range run.GetMetrics() {
		if len(names) > 0 && !slices.Contains(names, latest.GetKey()) {
			continue
		}
		history, err := e.Tracking.GetMetricHistory(c.ctx, &metadatav1.GetMetricHistoryRequest{
			Namespace: c.namespace, RunId: c.idText, MetricKey: latest.GetKey(),
		})
		if err != nil {
			return nil, err
		}
		for i, point := range history.GetMetrics() {
			shown := metricObject(c.idText, point)
			shown["id"] = c.idText + "." + metricType + "." + point.GetKey() + "." + strconv.Itoa(i)
			points = append(points, shown)
		}
	}
	return page(c, points, "", func(o object) object { return o }), nil
}
