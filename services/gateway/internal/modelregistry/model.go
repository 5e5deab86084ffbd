package modelregistry

import (
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const statePrefix = "MODEL_STATE_"

// state reads the state of a model or a version.
func (c *call) state() metadatav1.ModelState {
	text := c.text("state")
	if text == "" {
		return metadatav1.ModelState_MODEL_STATE_UNSPECIFIED
	}
	state, ok := metadatav1.ModelState_value[statePrefix+text]
	if !ok || state == 0 {
		c.wrong("state", "LIVE or ARCHIVED")
	}
	return metadatav1.ModelState(state)
}

func showState(state metadatav1.ModelState) string {
	return strings.TrimPrefix(state.String(), statePrefix)
}

func (e *edge) createModel(c *call) (any, error) {
	request := &metadatav1.CreateRegisteredModelRequest{AnyName: true, Model: &metadatav1.RegisteredModel{
		Namespace: c.namespace, Name: c.required("name"), Description: c.text("description"), Owner: c.text("owner"),
		ExternalId: c.text("externalId"), State: c.state(), Properties: c.properties().GetValues(), Card: c.card(nil),
	}}
	if c.failure != nil {
		return nil, c.failure
	}
	return showModel(e.Registry.CreateRegisteredModel(c.ctx, request))
}

func (e *edge) getModel(c *call) (any, error) { return e.model(c, c.id()) }

// model returns a model by its id.
func (e *edge) model(c *call, id int64) (any, error) {
	if c.failure != nil {
		return nil, c.failure
	}
	return showModel(e.Registry.GetRegisteredModel(c.ctx, &metadatav1.GetRegisteredModelRequest{Namespace: c.namespace, Id: id}))
}

func (e *edge) findModel(c *call) (any, error) {
	request := &metadatav1.GetRegisteredModelRequest{Namespace: c.namespace, Name: c.query.Get("name"), ExternalId: c.query.Get("externalId")}
	if request.GetName() == "" && request.GetExternalId() == "" {
		return nil, fault.Invalidf("name", "is missing, and so is externalId; want one of them")
	}
	return showModel(e.Registry.GetRegisteredModel(c.ctx, request))
}

func (e *edge) listModels(c *call) (any, error) {
	request := &metadatav1.ListRegisteredModelsRequest{Namespace: c.namespace, Options: c.options()}
	if c.failure != nil {
		return nil, c.failure
	}
	found, err := e.Registry.ListRegisteredModels(c.ctx, request)
	if err != nil {
		return nil, err
	}
	return page(c, found.GetModels(), found.GetNextPageToken(), modelObject), nil
}

func (e *edge) updateModel(c *call) (any, error) {
	request := &metadatav1.UpdateRegisteredModelRequest{
		Namespace: c.namespace, Id: c.id(), Description: c.optional("description"), Owner: c.optional("owner"),
		ExternalId: c.optional("externalId"), State: c.state(), Properties: c.properties(),
	}
	if c.failure != nil {
		return nil, c.failure
	}
	if c.hasCard() {
		before, err := e.Registry.GetRegisteredModel(c.ctx, &metadatav1.GetRegisteredModelRequest{Namespace: c.namespace, Id: request.GetId()})
		if err != nil {
			return nil, err
		}
		request.Card = c.card(before.GetCard())
	}
	return showModel(e.Registry.UpdateRegisteredModel(c.ctx, request))
}

func (c *call) hasCard() bool {
	for _, field := range []string{"readme", "maturity", "language", "tasks", "provider", "logo", "license", "licenseLink", "libraryName"} {
		if c.has(field) {
			return true
		}
	}
	return false
}

// card reads what a model tells people; what the body does not say stays as it was.
func (c *call) card(before *metadatav1.ModelCard) *metadatav1.ModelCard {
	if !c.hasCard() {
		return before
	}
	text := func(field, before string) string {
		if !c.has(field) {
			return before
		}
		return c.text(field)
	}
	card := &metadatav1.ModelCard{
		Readme: text("readme", before.GetReadme()), Maturity: text("maturity", before.GetMaturity()), Provider: text("provider", before.GetProvider()),
		Logo: text("logo", before.GetLogo()), License: text("license", before.GetLicense()), LicenseLink: text("licenseLink", before.GetLicenseLink()),
		LibraryName: text("libraryName", before.GetLibraryName()), Languages: before.GetLanguages(), Tasks: before.GetTasks(),
	}
	if c.has("language") {
		card.Languages = c.texts("language")
	}
	if c.has("tasks") {
		card.Tasks = c.texts("tasks")
	}
	return card
}

func showModel(m *metadatav1.RegisteredModel, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return modelObject(m), nil
}

func modelObject(m *metadatav1.RegisteredModel) object {
	o := object{"id": idText(m.GetId()), "name": m.GetName(), "state": showState(m.GetState()), "customProperties": showProperties(m.GetProperties())}
	o.some("description", m.GetDescription())
	o.some("owner", m.GetOwner())
	o.some("externalId", m.GetExternalId())
	card := m.GetCard()
	for field, text := range map[string]string{
		"readme": card.GetReadme(), "maturity": card.GetMaturity(), "provider": card.GetProvider(), "logo": card.GetLogo(),
		"license": card.GetLicense(), "licenseLink": card.GetLicenseLink(), "libraryName": card.GetLibraryName(),
	} {
		o.some(field, text)
	}
	if languages := card.GetLanguages(); len(languages) > 0 {
		o["language"] = languages
	}
	if tasks := card.GetTasks(); len(tasks) > 0 {
		o["tasks"] = tasks
	}
	return o.times(m.GetCreationTime(), m.GetLastUpdateTime())
}
