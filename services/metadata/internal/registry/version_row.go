package registry

import (
	"context"
	"slices"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// selectVersions begins a query of versions, which are v, of models, which are m.
const selectVersions = "SELECT v.id, v.namespace, v.model_id, m.name, v.number, v.name, v.description, v.author, v.external_id, v.state, v.stage," +
	" v.source, v.artifact_uri, v.run_id, v.run_link, v.logged_model_id, v.lineage_artifact_id, v.created_at, v.updated_at" +
	" FROM registry_versions v JOIN registry_models m ON m.id = v.model_id"

// readVersions reads versions with their properties and aliases.
func readVersions(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.ModelVersion, error) {
	var versions []*metadatav1.ModelVersion
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		v := new(metadatav1.ModelVersion)
		var state, stage string
		err := scan(&v.Id, &v.Namespace, &v.ModelId, &v.ModelName, &v.Number, &v.Name, &v.Description, &v.Author, &v.ExternalId, &state, &stage,
			&v.Source, &v.ArtifactUri, &v.RunId, &v.RunLink, &v.LoggedModelId, &v.LineageArtifactId, &v.CreationTime, &v.LastUpdateTime)
		v.State, v.Stage = storedState(state), storedStage(stage)
		versions = append(versions, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return versions, fillVersions(ctx, tx, versions)
}

// fillVersions adds properties and aliases.
func fillVersions(ctx context.Context, tx *sqlstore.Tx, versions []*metadatav1.ModelVersion) error {
	byID := make(map[int64]*metadatav1.ModelVersion, len(versions))
	ids := make([]int64, len(versions))
	for i, v := range versions {
		byID[v.GetId()], ids[i] = v, v.GetId()
		v.Properties = map[string]*metadatav1.PropertyValue{}
	}
	err := versionProperties.load(ctx, tx, ids, func(owner int64, key string, value *metadatav1.PropertyValue) {
		byID[owner].Properties[key] = value
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, batch) {
		q := sqlstore.Q("SELECT version_id, alias FROM registry_aliases WHERE version_id IN").List(boxed(some)...).Add("ORDER BY version_id, alias")
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var id int64
			var alias string
			if err := scan(&id, &alias); err != nil {
				return err
			}
			byID[id].Aliases = append(byID[id].Aliases, alias)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// versionWhere finds the first version that meets a condition; nil when there is
// none.
func versionWhere(ctx context.Context, tx *sqlstore.Tx, condition string, values ...any) (*metadatav1.ModelVersion, error) {
	versions, err := readVersions(ctx, tx, sqlstore.Q(selectVersions+" WHERE "+condition, values...))
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	return versions[0], nil
}

// versionNumbered finds a version by model and number.
func versionNumbered(ctx context.Context, tx *sqlstore.Tx, namespace, model string, number int64) (*metadatav1.ModelVersion, error) {
	v, err := versionWhere(ctx, tx, "m.namespace = ? AND m.name = ? AND v.number = ?", namespace, model, number)
	if err == nil && v == nil {
		if err = checkMLflowName(model); err == nil {
			err = noVersion(model, strconv.FormatInt(number, 10))
		}
	}
	return v, err
}

// versionByID finds a version by its id.
func versionByID(ctx context.Context, tx *sqlstore.Tx, namespace string, id int64) (*metadatav1.ModelVersion, error) {
	v, err := versionWhere(ctx, tx, "v.namespace = ? AND v.id = ?", namespace, id)
	if err == nil && v == nil {
		err = noID("model version", id)
	}
	return v, err
}

// newestVersions reads the newest version of each stage of models, by model and
// number.
func newestVersions(ctx context.Context, tx *sqlstore.Tx, models []int64) (newest []*metadatav1.ModelVersion, err error) {
	for some := range slices.Chunk(models, batch) {
		q := sqlstore.Q(selectVersions + " JOIN (SELECT model_id, stage, MAX(number) AS number FROM registry_versions WHERE model_id IN").
			List(boxed(some)...).Add("GROUP BY model_id, stage) t ON t.model_id = v.model_id AND t.number = v.number ORDER BY v.model_id, v.number")
		found, err := readVersions(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		newest = append(newest, found...)
	}
	return newest, nil
}
