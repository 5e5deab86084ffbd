package modelregistry

import (
	"encoding/json"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// kinds are those of a collection's items.
type kinds []metadatav1.RegistryItem_Kind

// The kinds of artifacts, and their spelling as a type.
const (
	modelArtifact = "model-artifact"
	metricType    = "metric"
	parameterType = "parameter"
	datasetType   = "dataset-artifact"
)

var artifactTypes = map[string]metadatav1.RegistryItem_Kind{
	modelArtifact:  metadatav1.RegistryItem_KIND_MODEL_ARTIFACT,
	"doc-artifact": metadatav1.RegistryItem_KIND_DOC_ARTIFACT,
	datasetType:    metadatav1.RegistryItem_KIND_DATASET_ARTIFACT,
	metricType:     metadatav1.RegistryItem_KIND_METRIC,
	parameterType:  metadatav1.RegistryItem_KIND_PARAMETER,
}

var anyArtifact = kinds{
	metadatav1.RegistryItem_KIND_MODEL_ARTIFACT, metadatav1.RegistryItem_KIND_DOC_ARTIFACT, metadatav1.RegistryItem_KIND_DATASET_ARTIFACT,
	metadatav1.RegistryItem_KIND_METRIC, metadatav1.RegistryItem_KIND_PARAMETER,
}

// collections are the collections of items, by the name of one of theirs.
var collections = map[string]kinds{
	"artifact":            anyArtifact,
	"model_artifact":      {metadatav1.RegistryItem_KIND_MODEL_ARTIFACT},
	"serving_environment": {metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT},
	"inference_service":   {metadatav1.RegistryItem_KIND_INFERENCE_SERVICE},
}

// itemFields are the fields of a kind that are its own and texts.
var itemFields = map[metadatav1.RegistryItem_Kind][]string{
	metadatav1.RegistryItem_KIND_MODEL_ARTIFACT: {
		"uri", "modelFormatName", "modelFormatVersion", "storageKey", "storagePath", "serviceAccountName", "modelSourceKind", "modelSourceClass",
		"modelSourceGroup", "modelSourceId", "modelSourceName",
	},
	metadatav1.RegistryItem_KIND_DOC_ARTIFACT:      {"uri"},
	metadatav1.RegistryItem_KIND_DATASET_ARTIFACT:  {"uri", "digest", "sourceType", "source", "schema", "profile"},
	metadatav1.RegistryItem_KIND_METRIC:            {"value", "timestamp", "step"},
	metadatav1.RegistryItem_KIND_PARAMETER:         {"value", "parameterType"},
	metadatav1.RegistryItem_KIND_INFERENCE_SERVICE: {"runtime"},
}

// stateField is the field that has the state of a kind.
func stateField(kind metadatav1.RegistryItem_Kind) string {
	switch kind {
	case metadatav1.RegistryItem_KIND_INFERENCE_SERVICE:
		return "desiredState"
	case metadatav1.RegistryItem_KIND_SERVE_MODEL:
		return "lastKnownState"
	}
	return "state"
}

// kind is which of the kinds the body is of.
func (c *call) kind(of kinds) metadatav1.RegistryItem_Kind {
	if len(of) == 1 {
		return of[0]
	}
	kind, ok := artifactTypes[c.text("artifactType")]
	if !ok || !slices.Contains(of, kind) {
		c.wrong("artifactType", "model-artifact, doc-artifact, dataset-artifact, metric or parameter")
	}
	return kind
}

// fields reads the fields of a kind that are its own.
func (c *call) fields(kind metadatav1.RegistryItem_Kind) map[string]string {
	fields := map[string]string{}
	for _, field := range itemFields[kind] {
		if c.has(field) {
			fields[field] = c.text(field)
		}
	}
	return fields
}

// item reads an item, which hangs on what the body says.
func (c *call) item(of kinds) *metadatav1.RegistryItem {
	kind := c.kind(of)
	item := &metadatav1.RegistryItem{
		Kind: kind, Namespace: c.namespace, Name: c.text("name"), Description: c.text("description"), ExternalId: c.text("externalId"),
		State: c.text(stateField(kind)), Properties: c.properties().GetValues(), Fields: c.fields(kind),
	}
	switch kind {
	case metadatav1.RegistryItem_KIND_INFERENCE_SERVICE:
		item.ModelId = c.number("registeredModelId", c.required("registeredModelId"))
		item.VersionId = c.number("modelVersionId", c.text("modelVersionId"))
	case metadatav1.RegistryItem_KIND_SERVE_MODEL:
		item.VersionId = c.number("modelVersionId", c.required("modelVersionId"))
	case metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT:
		c.required("name")
	}
	return item
}

// createItem makes an item; parent is the field of an item that the id in the path
// is, if there is one.
func (e *edge) createItem(of kinds, parent string) handler {
	return func(c *call) (any, error) {
		item := c.item(of)
		switch {
		case parent != "":
			item.ParentId = c.id()
		case item.GetKind() == metadatav1.RegistryItem_KIND_INFERENCE_SERVICE:
			item.ParentId = c.number("servingEnvironmentId", c.required("servingEnvironmentId"))
		}
		if c.failure != nil {
			return nil, c.failure
		}
		return showItem(e.Registry.CreateRegistryItem(c.ctx, &metadatav1.CreateRegistryItemRequest{Item: item}))
	}
}

// putVersionArtifact adds an artifact to a version, or changes the one that the
// body has the id of.
func (e *edge) putVersionArtifact(c *call) (any, error) {
	if c.has("id") {
		c.replaced = true
		return e.changeItem(c, c.number("id", c.text("id")), anyArtifact)
	}
	item := c.item(anyArtifact)
	item.VersionId = c.id()
	if c.failure != nil {
		return nil, c.failure
	}
	return showItem(e.Registry.CreateRegistryItem(c.ctx, &metadatav1.CreateRegistryItemRequest{Item: item}))
}

func (e *edge) getItem(of kinds) handler {
	return func(c *call) (any, error) {
		request := &metadatav1.GetRegistryItemRequest{Namespace: c.namespace, Kinds: of, Id: c.id()}
		if c.failure != nil {
			return nil, c.failure
		}
		return showItem(e.Registry.GetRegistryItem(c.ctx, request))
	}
}

func (e *edge) findItem(of kinds) handler {
	return func(c *call) (any, error) {
		request := &metadatav1.GetRegistryItemRequest{Namespace: c.namespace, Kinds: of, Name: c.query.Get("name"), ExternalId: c.query.Get("externalId")}
		if request.GetName() == "" && request.GetExternalId() == "" {
			return nil, fault.Invalidf("name", "is missing, and so is externalId; want one of them")
		}
		if parent := c.number("parentResourceId", c.query.Get("parentResourceId")); slices.Contains(anyArtifact, of[0]) {
			request.VersionId = parent
		} else {
			request.ParentId = parent
		}
		if c.failure != nil {
			return nil, c.failure
		}
		return showItem(e.Registry.GetRegistryItem(c.ctx, request))
	}
}

// listItems lists a collection, or what of it is in the item that the path names.
func (e *edge) listItems(of kinds) handler {
	return func(c *call) (any, error) {
		return e.items(c, &metadatav1.ListRegistryItemsRequest{Namespace: c.namespace, Kinds: c.wanted(of), ParentId: c.id(), Options: c.options()})
	}
}

func (e *edge) listVersionArtifacts(c *call) (any, error) {
	return e.items(c, &metadatav1.ListRegistryItemsRequest{
		Namespace: c.namespace, Kinds: c.wanted(anyArtifact), VersionId: c.id(), Options: c.options(),
	})
}

// wanted are the kinds that a list is asked for.
func (c *call) wanted(of kinds) kinds {
	text := c.query.Get("artifactType")
	if text == "" || len(of) == 1 {
		return of
	}
	kind, ok := artifactTypes[text]
	if !ok {
		c.wrong("artifactType", "model-artifact, doc-artifact, dataset-artifact, metric or parameter")
	}
	return kinds{kind}
}

func (e *edge) items(c *call, request *metadatav1.ListRegistryItemsRequest) (any, error) {
	if c.failure != nil {
		return nil, c.failure
	}
	found, err := e.Registry.ListRegistryItems(c.ctx, request)
	if err != nil {
		return nil, err
	}
	return page(c, found.GetItems(), found.GetNextPageToken(), itemObject), nil
}

func (e *edge) updateItem(of kinds) handler {
	return func(c *call) (any, error) { return e.changeItem(c, c.id(), of) }
}

// changeItem changes an item as the body says.
func (e *edge) changeItem(c *call, id int64, of kinds) (any, error) {
	kind := of[0]
	if len(of) > 1 && c.has("artifactType") {
		kind = c.kind(of)
	}
	request := &metadatav1.UpdateRegistryItemRequest{
		Namespace: c.namespace, Id: id, Kinds: of, Description: c.optional("description"), ExternalId: c.optional("externalId"),
		State: c.text(stateField(kind)), Properties: c.properties(), Fields: c.fields(kind),
		VersionId: c.number("modelVersionId", c.text("modelVersionId")),
	}
	if c.failure != nil {
		return nil, c.failure
	}
	return showItem(e.Registry.UpdateRegistryItem(c.ctx, request))
}

// service returns the inference service that the path names.
func (e *edge) service(c *call) (*metadatav1.RegistryItem, error) {
	request := &metadatav1.GetRegistryItemRequest{Namespace: c.namespace, Kinds: collections["inference_service"], Id: c.id()}
	if c.failure != nil {
		return nil, c.failure
	}
	return e.Registry.GetRegistryItem(c.ctx, request)
}

func (e *edge) modelOfService(c *call) (any, error) {
	service, err := e.service(c)
	if err != nil {
		return nil, err
	}
	return e.model(c, service.GetModelId())
}

// versionOfService is the version that a service serves: its own, or the newest.
func (e *edge) versionOfService(c *call) (any, error) {
	service, err := e.service(c)
	if err != nil {
		return nil, err
	}
	if service.GetVersionId() != 0 {
		return e.version(c, service.GetVersionId())
	}
	return showVersion(e.Registry.GetModelVersion(c.ctx, &metadatav1.GetModelVersionRequest{
		Namespace: c.namespace, ModelId: service.GetModelId(), Alias: "latest",
	}))
}

func showItem(item *metadatav1.RegistryItem, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return itemObject(item), nil
}

func itemObject(item *metadatav1.RegistryItem) object {
	kind := item.GetKind()
	o := object{"id": idText(item.GetId()), "name": item.GetName(), "customProperties": showProperties(item.GetProperties())}
	o.some("description", item.GetDescription())
	o.some("externalId", item.GetExternalId())
	o.some(stateField(kind), item.GetState())
	for field, text := range item.GetFields() {
		o[field] = text
	}
	switch kind {
	case metadatav1.RegistryItem_KIND_INFERENCE_SERVICE:
		o["registeredModelId"], o["servingEnvironmentId"] = idText(item.GetModelId()), idText(item.GetParentId())
		o.some("modelVersionId", idText(item.GetVersionId()))
	case metadatav1.RegistryItem_KIND_SERVE_MODEL:
		o["modelVersionId"] = idText(item.GetVersionId())
	case metadatav1.RegistryItem_KIND_METRIC:
		if value := json.Number(item.GetFields()["value"]); json.Valid([]byte(value)) {
			o["value"] = value
		}
	}
	for name, one := range artifactTypes {
		if one == kind {
			o["artifactType"] = name
		}
	}
	return o.times(item.GetCreationTime(), item.GetLastUpdateTime())
}
