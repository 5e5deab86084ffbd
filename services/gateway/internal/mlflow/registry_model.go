package mlflow

import (
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (e *edge) registeredModelRoutes() []route {
	return []route{
		{methods: "POST", path: "registered-models/create", call: e.createRegisteredModel},
		{methods: "POST", path: "registered-models/rename", call: e.renameRegisteredModel},
		{methods: "PATCH", path: "registered-models/update", call: e.updateRegisteredModel},
		{methods: "DELETE", path: "registered-models/delete", call: e.deleteRegisteredModel},
		{methods: "GET", path: "registered-models/get", call: e.getRegisteredModel},
		{methods: "GET", path: "registered-models/search", call: e.searchRegisteredModels},
		{methods: "POST GET", path: "registered-models/get-latest-versions", call: e.getLatestVersions},
		{methods: "POST", path: "registered-models/set-tag", call: e.setRegisteredModelTag},
		{methods: "DELETE", path: "registered-models/delete-tag", call: e.deleteRegisteredModelTag},
		{methods: "POST", path: "registered-models/alias", call: e.setModelAlias},
		{methods: "DELETE", path: "registered-models/alias", call: e.deleteModelAlias},
		{methods: "GET", path: "registered-models/alias", call: e.getVersionByAlias},
	}
}

func (e *edge) createRegisteredModel(c *call) error {
	model := &metadatav1.RegisteredModel{
		Namespace: c.namespace, Name: c.required("name"), Description: c.text("description"), Properties: readProperties(c.form),
	}
	if err := c.failure(); err != nil {
		return err
	}
	made, err := e.Registry.CreateRegisteredModel(c.ctx, &metadatav1.CreateRegisteredModelRequest{Model: model})
	return answerRegistered(c, made, err)
}

func (e *edge) renameRegisteredModel(c *call) error {
	request := &metadatav1.UpdateRegisteredModelRequest{
		Namespace: c.namespace, Name: c.required("name"), NewName: c.required("new_name"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	renamed, err := e.Registry.UpdateRegisteredModel(c.ctx, request)
	return answerRegistered(c, renamed, err)
}

// updateRegisteredModel sets the description; none makes it empty.
func (e *edge) updateRegisteredModel(c *call) error {
	request := &metadatav1.UpdateRegisteredModelRequest{
		Namespace: c.namespace, Name: c.required("name"), Description: new(c.text("description")),
	}
	if err := c.failure(); err != nil {
		return err
	}
	updated, err := e.Registry.UpdateRegisteredModel(c.ctx, request)
	return answerRegistered(c, updated, err)
}

func (e *edge) deleteRegisteredModel(c *call) error {
	request := &metadatav1.DeleteRegisteredModelRequest{Namespace: c.namespace, Name: c.required("name")}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.DeleteRegisteredModel(c.ctx, request)
	return err
}

func (e *edge) getRegisteredModel(c *call) error {
	request := &metadatav1.GetRegisteredModelRequest{Namespace: c.namespace, Name: c.required("name")}
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Registry.GetRegisteredModel(c.ctx, request)
	return answerRegistered(c, found, err)
}

func (e *edge) searchRegisteredModels(c *call) error {
	request := &metadatav1.SearchRegisteredModelsRequest{
		Namespace: c.namespace, Filter: c.text("filter"), MaxResults: c.limit(), OrderBy: c.texts("order_by"),
		PageToken: c.text("page_token"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	page, err := e.Registry.SearchRegisteredModels(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "registered_models", page.GetModels(), writeRegisteredModel)
	c.reply.some("next_page_token", page.GetNextPageToken())
	return nil
}

func (e *edge) getLatestVersions(c *call) error {
	request := &metadatav1.GetLatestModelVersionsRequest{Namespace: c.namespace, Name: c.required("name"), Stages: c.texts("stages")}
	if err := c.failure(); err != nil {
		return err
	}
	newest, err := e.Registry.GetLatestModelVersions(c.ctx, request)
	if err != nil {
		return err
	}
	objects(c.reply, "model_versions", newest.GetVersions(), writeModelVersion)
	return nil
}

func (e *edge) setRegisteredModelTag(c *call) error {
	request := &metadatav1.SetRegisteredModelTagsRequest{
		Namespace: c.namespace, Name: c.required("name"),
		Tags: []*metadatav1.Tag{{Key: c.required("key"), Value: c.text("value")}},
	}
	return e.changeModelTags(c, request)
}

func (e *edge) deleteRegisteredModelTag(c *call) error {
	request := &metadatav1.SetRegisteredModelTagsRequest{
		Namespace: c.namespace, Name: c.required("name"), DeleteKeys: []string{c.required("key")},
	}
	return e.changeModelTags(c, request)
}

func (e *edge) changeModelTags(c *call, request *metadatav1.SetRegisteredModelTagsRequest) error {
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.SetRegisteredModelTags(c.ctx, request)
	return err
}

func (e *edge) setModelAlias(c *call) error {
	request := &metadatav1.SetModelAliasRequest{
		Namespace: c.namespace, Name: c.required("name"), Alias: c.required("alias"), Version: c.required("version"),
	}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.SetModelAlias(c.ctx, request)
	return err
}

func (e *edge) deleteModelAlias(c *call) error {
	request := &metadatav1.DeleteModelAliasRequest{Namespace: c.namespace, Name: c.required("name"), Alias: c.required("alias")}
	if err := c.failure(); err != nil {
		return err
	}
	_, err := e.Registry.DeleteModelAlias(c.ctx, request)
	return err
}

func (e *edge) getVersionByAlias(c *call) error {
	request := &metadatav1.GetModelVersionRequest{Namespace: c.namespace, ModelName: c.required("name"), Alias: c.required("alias")}
	if err := c.failure(); err != nil {
		return err
	}
	found, err := e.Registry.GetModelVersion(c.ctx, request)
	return answerVersion(c, found, err)
}

func answerRegistered(c *call, model *metadatav1.RegisteredModel, err error) error {
	if err == nil {
		c.reply.object("registered_model", func() { writeRegisteredModel(c.reply, model) })
	}
	return err
}

func writeRegisteredModel(r *reply, m *metadatav1.RegisteredModel) {
	r.text("name", m.GetName())
	r.integer("creation_timestamp", m.GetCreationTime())
	r.integer("last_updated_timestamp", m.GetLastUpdateTime())
	r.some("user_id", m.GetOwner())
	r.some("description", m.GetDescription())
	objects(r, "latest_versions", m.GetLatestVersions(), writeModelVersion)
	objects(r, "tags", tagsOf(m.GetProperties()), writeTag)
	objects(r, "aliases", m.GetAliases(), func(r *reply, a *metadatav1.ModelAlias) {
		r.text("alias", a.GetAlias())
		r.text("version", strconv.FormatInt(a.GetVersion(), 10))
	})
}
