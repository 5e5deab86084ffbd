package registry

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// CreateModel makes a model without versions.
func (r *Registry) CreateModel(ctx context.Context, request *metadatav1.CreateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	m := request.GetModel()
	if err := checkModelName("name", m.GetName(), request.GetAnyName()); err != nil {
		return nil, err
	}
	if err := checkProperties(m.GetProperties(), !request.GetAnyName()); err != nil {
		return nil, err
	}
	card, err := packed(m.GetCard())
	if err != nil {
		return nil, err
	}
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegisteredModel, error) {
		namespace := namespaceOf(m)
		if err := checkFree(ctx, tx, namespace, m); err != nil {
			return nil, err
		}
		now := nowMillis()
		q := sqlstore.Q("INSERT INTO registry_models (namespace, name, description, owner, external_id, state, card, last_number,"+
			" created_at, updated_at) VALUES").
			List(namespace, m.GetName(), m.GetDescription(), m.GetOwner(), m.GetExternalId(), stateText(m.GetState()), card, 0, now, now).
			Add("RETURNING id")
		var id int64
		if _, err := tx.Row(ctx, q, &id); err != nil {
			return nil, err
		}
		if err := modelProperties.put(ctx, tx, id, m.GetProperties()); err != nil {
			return nil, err
		}
		return wholeModel(ctx, tx, namespace, id)
	})
}

// promptTag is MLflow's tag of prompts, which share the table with models.
const promptTag = "mlflow.prompt.is_prompt"

// checkFree refuses a model whose name or external id is taken.
func checkFree(ctx context.Context, tx *sqlstore.Tx, namespace string, m *metadatav1.RegisteredModel) error {
	other, err := modelWhere(ctx, tx, namespace, "m.name = ?", m.GetName())
	if err != nil {
		return err
	}
	if other != nil {
		if err := fillModels(ctx, tx, []*metadatav1.RegisteredModel{other}, false); err != nil {
			return err
		}
		return nameTaken(m, other)
	}
	return checkExternalModel(ctx, tx, namespace, m.GetExternalId(), 0)
}

// nameTaken says what has a name already, a model or a prompt.
func nameTaken(asked, other *metadatav1.RegisteredModel) error {
	kind := func(m *metadatav1.RegisteredModel) string {
		if PropertyText(m.GetProperties()[promptTag]) == "true" {
			return "prompt"
		}
		return "registered model"
	}
	switch wanted, there := kind(asked), kind(other); {
	case wanted != there:
		return fault.AlreadyExistsf("Tried to create a %s with name '%s', but the name is already taken by a %s."+
			" MLflow does not allow creating a model and a prompt with the same name.", wanted, asked.GetName(), there)
	case wanted == "prompt":
		return fault.AlreadyExistsf("Prompt (name=%s) already exists.", asked.GetName())
	}
	return fault.AlreadyExistsf("Registered Model (name=%s) already exists.", asked.GetName())
}

// checkExternalModel refuses an external id that another model has.
func checkExternalModel(ctx context.Context, tx *sqlstore.Tx, namespace, external string, id int64) error {
	if external == "" {
		return nil
	}
	other, err := modelWhere(ctx, tx, namespace, "m.external_id = ?", external)
	if err == nil && other != nil && other.GetId() != id {
		err = fault.AlreadyExistsf("registered model %s has the external id %s already", other.GetName(), external)
	}
	return err
}

// wholeModel is a model with all that hangs on it.
func wholeModel(ctx context.Context, tx *sqlstore.Tx, namespace string, id int64) (*metadatav1.RegisteredModel, error) {
	m, err := modelByID(ctx, tx, namespace, id)
	if err != nil {
		return nil, err
	}
	return m, fillModels(ctx, tx, []*metadatav1.RegisteredModel{m}, true)
}

// Model returns one model.
func (r *Registry) Model(ctx context.Context, request *metadatav1.GetRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegisteredModel, error) {
		namespace, external := namespaceOf(request), request.GetExternalId()
		if request.GetName() == "" && request.GetId() == 0 && external != "" {
			m, err := modelWhere(ctx, tx, namespace, "m.external_id = ?", external)
			if err == nil && m == nil {
				err = noneNamed("registered model", "external id", external)
			}
			if err != nil {
				return nil, err
			}
			return m, fillModels(ctx, tx, []*metadatav1.RegisteredModel{m}, true)
		}
		m, err := findModel(ctx, tx, namespace, request.GetName(), request.GetId())
		if err != nil {
			return nil, err
		}
		return m, fillModels(ctx, tx, []*metadatav1.RegisteredModel{m}, true)
	})
}

// UpdateModel changes a model. What is unset stays.
func (r *Registry) UpdateModel(ctx context.Context, request *metadatav1.UpdateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	if name := request.GetNewName(); name != "" {
		if err := checkModelName("new_name", name, false); err != nil {
			return nil, err
		}
	}
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.RegisteredModel, error) {
		namespace := namespaceOf(request)
		m, err := findModel(ctx, tx, namespace, request.GetName(), request.GetId())
		if err != nil {
			return nil, err
		}
		if err := checkExternalModel(ctx, tx, namespace, request.GetExternalId(), m.GetId()); err != nil {
			return nil, err
		}
		if err := changeModel(ctx, tx, m, request); err != nil {
			return nil, err
		}
		if err := modelProperties.replace(ctx, tx, m.GetId(), request.GetProperties()); err != nil {
			return nil, err
		}
		return wholeModel(ctx, tx, namespace, m.GetId())
	})
}

// changeModel writes what a request says of a model.
func changeModel(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, request *metadatav1.UpdateRegisteredModelRequest) error {
	var c change
	now := nowMillis()
	c.set("updated_at", now)
	c.setText("description", request.Description) //nolint:protogetter // unset and empty differ
	c.setText("owner", request.Owner)             //nolint:protogetter // unset and empty differ
	c.setText("external_id", request.ExternalId)  //nolint:protogetter // unset and empty differ
	if request.GetState() != metadatav1.ModelState_MODEL_STATE_UNSPECIFIED {
		c.set("state", stateText(request.GetState()))
	}
	if request.GetCard() != nil {
		card, err := packed(request.GetCard())
		if err != nil {
			return err
		}
		c.set("card", card)
	}
	if name := request.GetNewName(); name != "" && name != m.GetName() {
		if err := rename(ctx, tx, m, name, now); err != nil {
			return err
		}
		c.set("name", name)
	}
	return c.exec(ctx, tx, "registry_models", m.GetId())
}

// rename gives what follows the name of a model the new one.
func rename(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, name string, now int64) error {
	other, err := modelWhere(ctx, tx, m.GetNamespace(), "m.name = ?", name)
	if err != nil {
		return err
	}
	if other != nil {
		return fault.AlreadyExistsf("Registered Model (name=%s) already exists.", name)
	}
	_, err = tx.Exec(ctx, sqlstore.Q("UPDATE registry_versions SET updated_at = ? WHERE model_id = ?", now, m.GetId()))
	return err
}

// DeleteModel deletes a model with all its versions.
func (r *Registry) DeleteModel(ctx context.Context, request *metadatav1.DeleteRegisteredModelRequest) error {
	return r.db.Write(ctx, func(tx *sqlstore.Tx) error {
		m, err := modelNamed(ctx, tx, namespaceOf(request), request.GetName())
		if err != nil {
			return err
		}
		if err := checkNotDeployed(ctx, tx, "model_id = ?", m.GetId(), "Registered Model (name="+m.GetName()+")"); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlstore.Q("DELETE FROM registry_models WHERE id = ?", m.GetId())) // all that hangs on it goes with it
		return err
	})
}

// SetModelTags sets and deletes tags of a model.
func (r *Registry) SetModelTags(ctx context.Context, request *metadatav1.SetRegisteredModelTagsRequest) error {
	if err := checkTags(request.GetTags(), request.GetDeleteKeys()); err != nil {
		return err
	}
	return r.db.Write(ctx, func(tx *sqlstore.Tx) error {
		m, err := modelNamed(ctx, tx, namespaceOf(request), request.GetName())
		if err != nil {
			return err
		}
		return modelProperties.setTags(ctx, tx, m.GetId(), request.GetTags(), request.GetDeleteKeys())
	})
}
