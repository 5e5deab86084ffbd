package registry

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// selectModels begins a query of models, which are m.
const selectModels = "SELECT m.id, m.namespace, m.name, m.description, m.owner, m.external_id, m.state, m.card," +
	" m.created_at, m.updated_at FROM registry_models m"

// readModels reads models without what hangs on them.
func readModels(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.RegisteredModel, error) {
	var models []*metadatav1.RegisteredModel
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		m := new(metadatav1.RegisteredModel)
		var state string
		var card []byte
		err := scan(&m.Id, &m.Namespace, &m.Name, &m.Description, &m.Owner, &m.ExternalId, &state, &card, &m.CreationTime, &m.LastUpdateTime)
		if err != nil {
			return err
		}
		m.State = storedState(state)
		models = append(models, m)
		if len(card) > 0 {
			m.Card = new(metadatav1.ModelCard)
			if err := proto.Unmarshal(card, m.Card); err != nil {
				return fault.Internalf(err, "a stored model card cannot be read")
			}
		}
		return nil
	})
	return models, err
}

// packed is a message as a column holds it; nil for none.
func packed(m proto.Message) ([]byte, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fault.Internalf(err, "a message cannot be encoded")
	}
	return content, nil
}

// fillModels adds properties, aliases and, when asked, the newest version of each
// stage.
func fillModels(ctx context.Context, tx *sqlstore.Tx, models []*metadatav1.RegisteredModel, versions bool) error {
	byID := make(map[int64]*metadatav1.RegisteredModel, len(models))
	ids := make([]int64, len(models))
	for i, m := range models {
		byID[m.GetId()], ids[i] = m, m.GetId()
		m.Properties = map[string]*metadatav1.PropertyValue{}
	}
	err := modelProperties.load(ctx, tx, ids, func(owner int64, key string, value *metadatav1.PropertyValue) {
		byID[owner].Properties[key] = value
	})
	if err != nil {
		return err
	}
	if err := loadAliases(ctx, tx, ids, byID); err != nil || !versions {
		return err
	}
	newest, err := newestVersions(ctx, tx, ids)
	for _, v := range newest {
		m := byID[v.GetModelId()]
		m.LatestVersions = append(m.LatestVersions, v)
	}
	return err
}

// loadAliases reads the aliases of models, by name.
func loadAliases(ctx context.Context, tx *sqlstore.Tx, ids []int64, models map[int64]*metadatav1.RegisteredModel) error {
	for some := range slices.Chunk(ids, batch) {
		q := sqlstore.Q("SELECT a.model_id, a.alias, v.number FROM registry_aliases a JOIN registry_versions v ON v.id = a.version_id" +
			" WHERE a.model_id IN").List(boxed(some)...).Add("ORDER BY a.model_id, a.alias")
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var id int64
			alias := new(metadatav1.ModelAlias)
			if err := scan(&id, &alias.Alias, &alias.Version); err != nil {
				return err
			}
			models[id].Aliases = append(models[id].Aliases, alias)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// modelWhere finds the one model that a condition is met by; nil when there is
// none.
func modelWhere(ctx context.Context, tx *sqlstore.Tx, namespace, condition string, value any) (*metadatav1.RegisteredModel, error) {
	models, err := readModels(ctx, tx, sqlstore.Q(selectModels+" WHERE m.namespace = ? AND "+condition, namespace, value))
	if err != nil || len(models) == 0 {
		return nil, err
	}
	return models[0], nil
}

// modelNamed finds a model by its name.
func modelNamed(ctx context.Context, tx *sqlstore.Tx, namespace, name string) (*metadatav1.RegisteredModel, error) {
	m, err := modelWhere(ctx, tx, namespace, "m.name = ?", name)
	if err == nil && m == nil {
		err = noModel(name)
	}
	return m, err
}

// modelByID finds a model by its id.
func modelByID(ctx context.Context, tx *sqlstore.Tx, namespace string, id int64) (*metadatav1.RegisteredModel, error) {
	m, err := modelWhere(ctx, tx, namespace, "m.id = ?", id)
	if err == nil && m == nil {
		err = noID("registered model", id)
	}
	return m, err
}

// findModel finds a model by its name or, when there is none, by its id.
func findModel(ctx context.Context, tx *sqlstore.Tx, namespace, name string, id int64) (*metadatav1.RegisteredModel, error) {
	if name == "" && id != 0 {
		return modelByID(ctx, tx, namespace, id)
	}
	return modelNamed(ctx, tx, namespace, name)
}

// touchModel says that a model changed now.
func touchModel(ctx context.Context, tx *sqlstore.Tx, id, now int64) error {
	var c change
	c.set("updated_at", now)
	return c.exec(ctx, tx, "registry_models", id)
}
