package mlflow

import (
	"maps"
	"slices"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (e *edge) modelVersionRoutes() []route {
	return []route{
		{methods: "POST", path: "model-versions/create", call: e.createModelVersion},
		{methods: "PATCH", path: "model-versions/update", call: e.updateModelVersion},
		{methods: "POST", path: "model-versions/transition-stage", call: e.transitionStage},
		{methods: "DELETE", path: "model-versions/delete", call: e.deleteModelVersion},
		{methods: "GET", path: "model-versions/get", call: e.getModelVersion},
		{methods: "GET", path: "model-versions/search", call: e.searchModelVersions},
		{methods: "GET", path: "model-versions/get-download-uri", call: e.getDownloadURI},
		{methods: "POST", path: "model-versions/set-tag", call: e.setModelVersionTag},
		{methods: "DELETE", path: "model-versions/delete-tag", call: e.deleteModelVersionTag},
	}
}

func (e *edge) createModelVersion(c *call) error {
	version := &metadatav1.ModelVersion{
		ModelName: c.required("name"), Source: c.required("source"), RunId: c.text("run_id"), Properties: readProperties(c.form),
		RunLink: c.text("run_link"), Description: c.text("description"), LoggedModelId: c.text("model_id"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	made, err := e.Registry.CreateModelVersion(c.ctx, &metadatav1.CreateModelVersionRequest{
		Namespace: c.namespace, Version: version, MlflowRules: true,
	})
	return answerVersion(c, made, err)
}

// updateModelVersion sets the description; none makes it empty.
func (e *edge) updateModelVersion(c *call) error {
	request := &metadatav1.UpdateModelVersionRequest{
		Namespace: c.namespace, ModelName: c.required("name"), Version: c.required("version"), Description: new(c.text("description")),
	}
	if err := c.failure(); err != nil {
		return err
	}
	updated, err := e.Registry.UpdateModelVersion(c.ctx, request)
	return answerVersion(c, updated, err)
}

func (e *edge) transitionStage(c *call) error {
	request := &metadatav1.TransitionModelVersionRequest{
		Namespace: c.namespace, Name: c.required("name"), Version: c.required("version"), Stage: c.required("stage"),
		ArchiveExistingVersions: c.flag("archive_existing_versions"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	moved, err := e.Registry.TransitionModelVersion(c.ctx, request)
	return answerVersion(c, moved, err)
}

func (e *edge) deleteModelVersion(c *call) error {
	request := &metadatav1.DeleteModelVersionRequest{Namespace: c.namespace, Name: c.required("name"), Version: c.required("version")}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.DeleteModelVersion(c.ctx, request)
	return err
}

// version returns the version that a call names.
func (e *edge) version(c *call) (*metadatav1.ModelVersion, error) {
	request := &metadatav1.GetModelVersionRequest{Namespace: c.namespace, ModelName: c.required("name"), Version: c.required("version")}
	if err := c.failure(); err != nil {
		return nil, err
	}
	return e.Registry.GetModelVersion(c.ctx, request)
}

func (e *edge) getModelVersion(c *call) error {
	found, err := e.version(c)
	return answerVersion(c, found, err)
}

func (e *edge) getDownloadURI(c *call) error {
	found, err := e.version(c)
	if err == nil {
		c.reply.text("artifact_uri", found.GetArtifactUri())
	}
	return err
}

func (e *edge) searchModelVersions(c *call) error {
	request := &metadatav1.SearchModelVersionsRequest{
		Namespace: c.namespace, Filter: c.text("filter"), MaxResults: c.limit(), OrderBy: c.texts("order_by"),
		PageToken: c.text("page_token"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	page, err := e.Registry.SearchModelVersions(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "model_versions", page.GetVersions(), writeModelVersion)
	c.reply.some("next_page_token", page.GetNextPageToken())
	return nil
}

func (e *edge) setModelVersionTag(c *call) error {
	request := &metadatav1.SetModelVersionTagsRequest{
		Namespace: c.namespace, Name: c.required("name"), Version: c.required("version"),
		Tags: []*metadatav1.Tag{{Key: c.required("key"), Value: c.text("value")}},
	}
	return e.changeVersionTags(c, request)
}

func (e *edge) deleteModelVersionTag(c *call) error {
	request := &metadatav1.SetModelVersionTagsRequest{
		Namespace: c.namespace, Name: c.required("name"), Version: c.required("version"), DeleteKeys: []string{c.required("key")},
	}
	return e.changeVersionTags(c, request)
}

func (e *edge) changeVersionTags(c *call, request *metadatav1.SetModelVersionTagsRequest) error {
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.SetModelVersionTags(c.ctx, request)
	return err
}

func answerVersion(c *call, version *metadatav1.ModelVersion, err error) error {
	if err == nil {
		c.reply.object("model_version", func() { writeModelVersion(c.reply, version) })
	}
	return err
}

func writeModelVersion(r *reply, v *metadatav1.ModelVersion) {
	r.text("name", v.GetModelName())
	r.text("version", strconv.FormatInt(v.GetNumber(), 10))
	r.integer("creation_timestamp", v.GetCreationTime())
	r.integer("last_updated_timestamp", v.GetLastUpdateTime())
	r.some("user_id", v.GetAuthor())
	r.text("current_stage", stageOfVersion[v.GetStage()])
	r.text("description", v.GetDescription())
	r.text("source", v.GetSource())
	r.text("run_id", v.GetRunId())
	r.text("status", "READY")
	objects(r, "tags", tagsOf(v.GetProperties()), writeTag)
	r.text("run_link", v.GetRunLink())
	r.texts("aliases", v.GetAliases())
	r.some("model_id", v.GetLoggedModelId())
}

// stageOfVersion is MLflow's spelling of stages.
var stageOfVersion = map[metadatav1.ModelStage]string{
	metadatav1.ModelStage_MODEL_STAGE_NONE:       "None",
	metadatav1.ModelStage_MODEL_STAGE_STAGING:    "Staging",
	metadatav1.ModelStage_MODEL_STAGE_PRODUCTION: "Production",
	metadatav1.ModelStage_MODEL_STAGE_ARCHIVED:   "Archived",
}

// readProperties reads the tags of a model or a version. Of equal keys the last
// one counts.
func readProperties(f form) map[string]*metadatav1.PropertyValue {
	properties := map[string]*metadatav1.PropertyValue{}
	for _, tag := range forms(f, "tags", readTag) {
		properties[tag.GetKey()] = &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_StringValue{StringValue: tag.GetValue()}}
	}
	return properties
}

// tagsOf are properties as tags, by key: what is no text is written as one.
func tagsOf(properties map[string]*metadatav1.PropertyValue) []*metadatav1.Tag {
	tags := make([]*metadatav1.Tag, 0, len(properties))
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		tags = append(tags, &metadatav1.Tag{Key: key, Value: propertyText(properties[key])})
	}
	return tags
}

func propertyText(p *metadatav1.PropertyValue) string {
	switch v := p.GetValue().(type) {
	case *metadatav1.PropertyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *metadatav1.PropertyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	case *metadatav1.PropertyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *metadatav1.PropertyValue_StructValue:
		return v.StructValue
	case *metadatav1.PropertyValue_ProtoValue_:
		return v.ProtoValue.GetValue()
	}
	return p.GetStringValue()
}
