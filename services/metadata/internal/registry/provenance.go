package registry

import (
	"cmp"
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// LineageArtifact is the number of a version's artifact in the lineage graph: the
// one it was registered from, or the newest at its place; 0 when there is none.
func (r *Registry) LineageArtifact(ctx context.Context, namespace string, v *metadatav1.ModelVersion) (int64, error) {
	if v.GetLineageArtifactId() != 0 || v.GetArtifactUri() == "" {
		return v.GetLineageArtifactId(), nil
	}
	return read(ctx, r, func(tx *sqlstore.Tx) (id int64, err error) {
		uri := v.GetArtifactUri()
		q := sqlstore.Q("SELECT id FROM artifacts WHERE substr(uri, 1, 256) = ? AND uri = ? AND namespace IN", begin(uri), uri).
			List(artifactNamespaces(cmp.Or(namespace, defaultNamespace))...).Add("ORDER BY id DESC LIMIT 1")
		_, err = tx.Row(ctx, q, &id)
		return id, err
	})
}

// Registrations are the versions that were made of logged models, by model.
func Registrations(ctx context.Context, tx *sqlstore.Tx, loggedModels []string, each func(loggedModel, name string, number int64)) error {
	if len(loggedModels) == 0 {
		return nil
	}
	q := sqlstore.Q("SELECT v.logged_model_id, m.name, v.number FROM registry_versions v JOIN registry_models m ON m.id = v.model_id" +
		" WHERE v.logged_model_id <> '' AND v.logged_model_id IN").List(boxed(loggedModels)...).Add("ORDER BY v.id")
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var model, name string
		var number int64
		if err := scan(&model, &name, &number); err != nil {
			return err
		}
		each(model, name, number)
		return nil
	})
}

// begin is the first 256 characters of a URI, which are indexed.
func begin(uri string) string {
	n := 0
	for i := range uri {
		if n++; n > 256 {
			return uri[:i]
		}
	}
	return uri
}
