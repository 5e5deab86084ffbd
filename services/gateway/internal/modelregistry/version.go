package modelregistry

import (
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// createVersion makes a version of the model in the path or in the body.
func (e *edge) createVersion(c *call) (any, error) {
	model := c.id()
	if model == 0 {
		model = c.number("registeredModelId", c.required("registeredModelId"))
	}
	request := &metadatav1.CreateModelVersionRequest{Namespace: c.namespace, Version: &metadatav1.ModelVersion{
		ModelId: model, Name: c.required("name"), Description: c.text("description"), Author: c.text("author"),
		ExternalId: c.text("externalId"), State: c.state(), Properties: c.properties().GetValues(),
	}}
	if c.failure != nil {
		return nil, c.failure
	}
	return showVersion(e.Registry.CreateModelVersion(c.ctx, request))
}

func (e *edge) getVersion(c *call) (any, error) { return e.version(c, c.id()) }

// version returns a version by its id.
func (e *edge) version(c *call, id int64) (any, error) {
	if c.failure != nil {
		return nil, c.failure
	}
	return showVersion(e.Registry.GetModelVersion(c.ctx, &metadatav1.GetModelVersionRequest{Namespace: c.namespace, Id: id}))
}

func (e *edge) findVersion(c *call) (any, error) {
	request := &metadatav1.GetModelVersionRequest{
		Namespace: c.namespace, ModelId: c.number("parentResourceId", c.query.Get("parentResourceId")), VersionName: c.query.Get("name"),
		ExternalId: c.query.Get("externalId"),
	}
	switch {
	case c.failure != nil:
		return nil, c.failure
	case request.GetExternalId() != "":
		request.ModelId, request.VersionName = 0, ""
	case request.GetModelId() == 0 || request.GetVersionName() == "":
		return nil, fault.Invalidf("name", "a version is found by name and parentResourceId, or by externalId; one of them is missing")
	}
	return showVersion(e.Registry.GetModelVersion(c.ctx, request))
}

func (e *edge) listVersions(c *call) (any, error) {
	request := &metadatav1.ListModelVersionsRequest{Namespace: c.namespace, ModelId: c.id(), Options: c.options()}
	if c.failure != nil {
		return nil, c.failure
	}
	found, err := e.Registry.ListModelVersions(c.ctx, request)
	if err != nil {
		return nil, err
	}
	return page(c, found.GetVersions(), found.GetNextPageToken(), versionObject), nil
}

func (e *edge) updateVersion(c *call) (any, error) {
	request := &metadatav1.UpdateModelVersionRequest{
		Namespace: c.namespace, Id: c.id(), Description: c.optional("description"), Author: c.optional("author"),
		ExternalId: c.optional("externalId"), State: c.state(), Properties: c.properties(),
	}
	if c.failure != nil {
		return nil, c.failure
	}
	return showVersion(e.Registry.UpdateModelVersion(c.ctx, request))
}

func showVersion(v *metadatav1.ModelVersion, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return versionObject(v), nil
}

func versionObject(v *metadatav1.ModelVersion) object {
	o := object{
		"id": idText(v.GetId()), "name": v.GetName(), "registeredModelId": idText(v.GetModelId()), "state": showState(v.GetState()),
		"customProperties": showProperties(v.GetProperties()),
	}
	o.some("description", v.GetDescription())
	o.some("author", v.GetAuthor())
	o.some("externalId", v.GetExternalId())
	return o.times(v.GetCreationTime(), v.GetLastUpdateTime())
}
