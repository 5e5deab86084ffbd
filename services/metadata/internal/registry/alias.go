package registry

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// SetAlias points an alias of a model to one of its versions.
func (r *Registry) SetAlias(ctx context.Context, request *metadatav1.SetModelAliasRequest) error {
	if err := checkNewAlias(request.GetAlias()); err != nil {
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
		q := sqlstore.Q("INSERT INTO registry_aliases (model_id, alias, version_id) VALUES").
			List(v.GetModelId(), request.GetAlias(), v.GetId()).
			Add("ON CONFLICT (model_id, alias) DO UPDATE SET version_id = excluded.version_id")
		_, err = tx.Exec(ctx, q)
		return err
	})
}

// DeleteAlias deletes an alias of a model; one that is not there is no error.
func (r *Registry) DeleteAlias(ctx context.Context, request *metadatav1.DeleteModelAliasRequest) error {
	if err := checkAlias(request.GetAlias()); err != nil {
		return err
	}
	return r.db.Write(ctx, func(tx *sqlstore.Tx) error {
		m, err := modelNamed(ctx, tx, namespaceOf(request), request.GetName())
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlstore.Q("DELETE FROM registry_aliases WHERE model_id = ? AND alias = ?", m.GetId(), request.GetAlias()))
		return err
	})
}
