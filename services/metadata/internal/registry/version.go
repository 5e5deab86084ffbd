package registry

import (
	"context"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Version returns one version.
func (r *Registry) Version(ctx context.Context, request *metadatav1.GetModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ModelVersion, error) {
		return findVersion(ctx, tx, request)
	})
}

// findVersion finds the version that a request names.
func findVersion(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.GetModelVersionRequest) (*metadatav1.ModelVersion, error) {
	namespace := namespaceOf(request)
	switch {
	case request.GetId() != 0:
		return versionByID(ctx, tx, namespace, request.GetId())
	case request.GetModelName() == "" && request.GetModelId() == 0 && request.GetExternalId() != "":
		v, err := versionWhere(ctx, tx, "v.namespace = ? AND v.external_id = ?", namespace, request.GetExternalId())
		if err == nil && v == nil {
			err = noneNamed("model version", "external id", request.GetExternalId())
		}
		return v, err
	case request.GetVersion() != "" && request.GetModelName() != "":
		number, err := parseVersion(request.GetVersion())
		if err != nil {
			return nil, err
		}
		return versionNumbered(ctx, tx, namespace, request.GetModelName(), number)
	}
	m, err := findModel(ctx, tx, namespace, request.GetModelName(), request.GetModelId())
	if err != nil {
		return nil, err
	}
	return versionOf(ctx, tx, m, request)
}

// versionOf finds the version of a model that a request names.
func versionOf(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel, request *metadatav1.GetModelVersionRequest) (*metadatav1.ModelVersion, error) {
	switch alias := request.GetAlias(); {
	case request.GetVersionName() != "":
		v, err := versionWhere(ctx, tx, "v.model_id = ? AND v.name = ?", m.GetId(), request.GetVersionName())
		if err == nil && v == nil {
			err = noVersion(m.GetName(), request.GetVersionName())
		}
		return v, err
	case request.GetVersion() != "":
		number, err := parseVersion(request.GetVersion())
		if err != nil {
			return nil, err
		}
		return versionNumbered(ctx, tx, m.GetNamespace(), m.GetName(), number)
	case strings.EqualFold(alias, latest):
		v, err := latestVersion(ctx, tx, m.GetId(), "")
		if err == nil && v == nil {
			err = fault.NotFoundf("Latest version not found for model %s.", m.GetName())
		}
		return v, err
	default:
		if err := checkAlias(alias); err != nil {
			return nil, err
		}
		v, err := versionAliased(ctx, tx, m.GetId(), alias)
		if err == nil && v == nil {
			err = invalid("Registered model alias %s not found.", alias)
		}
		return v, err
	}
}

// versionAliased finds a version by its alias; nil when there is none.
func versionAliased(ctx context.Context, tx *sqlstore.Tx, model int64, alias string) (*metadatav1.ModelVersion, error) {
	return versionWhere(ctx, tx, "v.id = (SELECT version_id FROM registry_aliases WHERE model_id = ? AND alias = ?)", model, alias)
}

// latestVersion finds the version with the highest number, of a stage if one is
// given; nil when there is none.
func latestVersion(ctx context.Context, tx *sqlstore.Tx, model int64, stage string) (*metadatav1.ModelVersion, error) {
	if stage == "" {
		return versionWhere(ctx, tx, "v.model_id = ? ORDER BY v.number DESC LIMIT 1", model)
	}
	return versionWhere(ctx, tx, "v.model_id = ? AND v.stage = ? ORDER BY v.number DESC LIMIT 1", model, stage)
}

// LatestVersions returns the newest version of each of some stages, or of all.
func (r *Registry) LatestVersions(ctx context.Context, request *metadatav1.GetLatestModelVersionsRequest) ([]*metadatav1.ModelVersion, error) {
	wanted := map[metadatav1.ModelStage]bool{}
	for _, text := range request.GetStages() {
		stage, err := ParseStage(text)
		if err != nil {
			return nil, err
		}
		wanted[stage] = true
	}
	return read(ctx, r, func(tx *sqlstore.Tx) (versions []*metadatav1.ModelVersion, err error) {
		m, err := modelNamed(ctx, tx, namespaceOf(request), request.GetName())
		if err != nil {
			return nil, err
		}
		newest, err := newestVersions(ctx, tx, []int64{m.GetId()})
		for _, v := range newest {
			if len(wanted) == 0 || wanted[v.GetStage()] {
				versions = append(versions, v)
			}
		}
		return versions, err
	})
}

// UpdateVersion changes a version. What is unset stays.
func (r *Registry) UpdateVersion(ctx context.Context, request *metadatav1.UpdateModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ModelVersion, error) {
		v, err := findVersion(ctx, tx, &metadatav1.GetModelVersionRequest{
			Namespace: request.GetNamespace(), ModelName: request.GetModelName(), Version: request.GetVersion(), Id: request.GetId(),
		})
		if err != nil {
			return nil, err
		}
		if err := checkExternalVersion(ctx, tx, namespaceOf(request), request.GetExternalId(), v.GetId()); err != nil {
			return nil, err
		}
		var c change
		c.set("updated_at", nowMillis())
		c.setText("description", request.Description) //nolint:protogetter // unset and empty differ
		c.setText("author", request.Author)           //nolint:protogetter // unset and empty differ
		c.setText("external_id", request.ExternalId)  //nolint:protogetter // unset and empty differ
		if request.GetState() != metadatav1.ModelState_MODEL_STATE_UNSPECIFIED {
			c.set("state", stateText(request.GetState()))
		}
		if err := c.exec(ctx, tx, "registry_versions", v.GetId()); err != nil {
			return nil, err
		}
		if err := versionProperties.replace(ctx, tx, v.GetId(), request.GetProperties()); err != nil {
			return nil, err
		}
		return versionByID(ctx, tx, namespaceOf(request), v.GetId())
	})
}

// checkExternalVersion refuses an external id that another version has.
func checkExternalVersion(ctx context.Context, tx *sqlstore.Tx, namespace, external string, id int64) error {
	if external == "" {
		return nil
	}
	other, err := versionWhere(ctx, tx, "v.namespace = ? AND v.external_id = ?", namespace, external)
	if err == nil && other != nil && other.GetId() != id {
		err = fault.AlreadyExistsf("version %s of %s has the external id %s already", other.GetName(), other.GetModelName(), external)
	}
	return err
}

// Transition moves a version to another stage.
func (r *Registry) Transition(ctx context.Context, request *metadatav1.TransitionModelVersionRequest) (*metadatav1.ModelVersion, error) {
	stage, err := ParseStage(request.GetStage())
	if err != nil {
		return nil, err
	}
	if request.GetArchiveExistingVersions() && !mayReplace(stage) {
		return nil, invalid("Model version transition cannot archive existing model versions because '%s' is not an Active stage."+
			" Valid stages are ['Staging', 'Production']", request.GetStage())
	}
	number, err := parseVersion(request.GetVersion())
	if err != nil {
		return nil, err
	}
	return write(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ModelVersion, error) {
		v, err := versionNumbered(ctx, tx, namespaceOf(request), request.GetName(), number)
		if err != nil {
			return nil, err
		}
		now := nowMillis()
		if err := touchModel(ctx, tx, v.GetModelId(), now); err != nil {
			return nil, err
		}
		if request.GetArchiveExistingVersions() {
			q := sqlstore.Q("UPDATE registry_versions SET stage = ?, updated_at = ? WHERE model_id = ? AND stage = ? AND number <> ?",
				StageName(metadatav1.ModelStage_MODEL_STAGE_ARCHIVED), now, v.GetModelId(), StageName(stage), number)
			if _, err := tx.Exec(ctx, q); err != nil {
				return nil, err
			}
		}
		var c change
		c.set("stage", StageName(stage))
		c.set("updated_at", now)
		if err := c.exec(ctx, tx, "registry_versions", v.GetId()); err != nil {
			return nil, err
		}
		return versionByID(ctx, tx, namespaceOf(request), v.GetId())
	})
}

// DeleteVersion deletes a version and its aliases.
func (r *Registry) DeleteVersion(ctx context.Context, request *metadatav1.DeleteModelVersionRequest) error {
	number, err := parseVersion(request.GetVersion())
	if err != nil {
		return err
	}
	return r.db.Write(ctx, func(tx *sqlstore.Tx) error {
		v, err := versionNumbered(ctx, tx, namespaceOf(request), request.GetName(), number)
		if err != nil {
			return err
		}
		named := "Model Version (name=" + v.GetModelName() + ", version=" + request.GetVersion() + ")"
		if err := checkNotDeployed(ctx, tx, "version_id = ?", v.GetId(), named); err != nil {
			return err
		}
		if err := touchModel(ctx, tx, v.GetModelId(), nowMillis()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlstore.Q("DELETE FROM registry_versions WHERE id = ?", v.GetId())) // all that hangs on it goes with it
		return err
	})
}

// SetVersionTags sets and deletes tags of a version.
func (r *Registry) SetVersionTags(ctx context.Context, request *metadatav1.SetModelVersionTagsRequest) error {
	if err := checkTags(request.GetTags(), request.GetDeleteKeys()); err != nil {
		return err
	}
	number, err := parseVersion(request.GetVersion())
	if err != nil {
		return err
	}
	return r.db.Write(ctx, func(tx *sqlstore.Tx) error {
		v, err := versionNumbered(ctx, tx, namespaceOf(request), request.GetName(), number)
		if err != nil {
			return err
		}
		return versionProperties.setTags(ctx, tx, v.GetId(), request.GetTags(), request.GetDeleteKeys())
	})
}
