package tracking

import (
	"context"
	"maps"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/registry"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const modelColumns = "model_id, experiment_id, name, model_type, source_run_id, status, status_message, artifact_uri, created_at, updated_at"

// modelRow is what a change to a model needs to know of it.
type modelRow struct {
	num   int64
	stage string
}

// modelByID returns a model, deleted or not, or a NotFound fault.
func modelByID(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (*modelRow, error) {
	model := new(modelRow)
	q := sqlstore.Q("SELECT m.num, m.stage FROM tracking_models m JOIN tracking_experiments e ON e.id = m.experiment_id"+
		" WHERE m.model_id = ? AND e.namespace = ?", id, namespace)
	found, err := tx.Row(ctx, q, &model.num, &model.stage)
	if err == nil && !found {
		err = noModel(id)
	}
	return model, err
}

// insertModel adds a model and returns its number.
func insertModel(ctx context.Context, tx *sqlstore.Tx, experiment int64, m *metadatav1.LoggedModel) (num int64, err error) {
	q := sqlstore.Q("INSERT INTO tracking_models (stage, "+modelColumns+") VALUES").
		List(active, m.GetModelId(), experiment, m.GetName(), m.GetModelType(), m.GetSourceRunId(), storedModelStatus(m.GetStatus()),
			m.GetStatusMessage(), m.GetArtifactUri(), m.GetCreationTime(), m.GetLastUpdateTime()).
		Add("RETURNING num")
	_, err = tx.Row(ctx, q, &num)
	return num, err
}

// loadModels returns the models with these numbers, in this order, with all that
// was logged. One that is not there is left out.
func loadModels(ctx context.Context, tx *sqlstore.Tx, nums []int64) ([]*metadatav1.LoggedModel, error) {
	models := make([]*metadatav1.LoggedModel, 0, len(nums))
	for some := range slices.Chunk(nums, batch) {
		byNum, err := readModels(ctx, tx, some)
		if err != nil {
			return nil, err
		}
		if err := fillModels(ctx, tx, byNum); err != nil {
			return nil, err
		}
		models = append(models, inOrder(some, byNum)...)
	}
	return models, nil
}

// readModels reads what models are, by number.
func readModels(ctx context.Context, tx *sqlstore.Tx, nums []int64) (map[int64]*metadatav1.LoggedModel, error) {
	byNum := make(map[int64]*metadatav1.LoggedModel, len(nums))
	q := sqlstore.Q("SELECT num, " + modelColumns + " FROM tracking_models WHERE num IN").List(boxed(nums)...)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		m := new(metadatav1.LoggedModel)
		var num, experiment int64
		var status string
		err := scan(&num, &m.ModelId, &experiment, &m.Name, &m.ModelType, &m.SourceRunId, &status, &m.StatusMessage,
			&m.ArtifactUri, &m.CreationTime, &m.LastUpdateTime)
		m.ExperimentId, m.Status = decimal(experiment), modelStatus(status)
		byNum[num] = m
		return err
	})
	return byNum, err
}

// fillModels reads what was logged.
func fillModels(ctx context.Context, tx *sqlstore.Tx, models map[int64]*metadatav1.LoggedModel) error {
	if len(models) == 0 {
		return nil
	}
	err := readTags(ctx, tx, modelTags, models, func(m *metadatav1.LoggedModel, tag *metadatav1.Tag) { m.Tags = append(m.Tags, tag) })
	if err != nil {
		return err
	}
	err = readParams(ctx, tx, modelParams, models, func(m *metadatav1.LoggedModel, param *metadatav1.Param) { m.Params = append(m.Params, param) })
	if err != nil {
		return err
	}
	if err := readRegistrations(ctx, tx, models); err != nil {
		return err
	}
	return readModelMetrics(ctx, tx, models)
}

// readRegistrations reads the versions of registered models that were made of
// models.
func readRegistrations(ctx context.Context, tx *sqlstore.Tx, models map[int64]*metadatav1.LoggedModel) error {
	byID := make(map[string]*metadatav1.LoggedModel, len(models))
	for _, model := range models {
		byID[model.GetModelId()] = model
	}
	ids := slices.Collect(maps.Keys(byID))
	return registry.Registrations(ctx, tx, ids, func(model, name string, number int64) {
		m := byID[model]
		m.Registrations = append(m.Registrations, &metadatav1.ModelRegistration{Name: name, Version: decimal(number)})
	})
}

// readModelMetrics reads the latest point of each metric, dataset and run.
func readModelMetrics(ctx context.Context, tx *sqlstore.Tx, models map[int64]*metadatav1.LoggedModel) error {
	byID := make(map[string]*metadatav1.LoggedModel, len(models))
	ids := make([]any, 0, len(models))
	for _, model := range models {
		byID[model.GetModelId()] = model
		ids = append(ids, model.GetModelId())
	}
	q := sqlstore.Q("SELECT s.model_id, s.key, s.value, s.is_nan, s.step, s.at, s.dataset_name, s.dataset_digest, r.run_id" +
		" FROM tracking_series s JOIN tracking_runs r ON r.num = s.run_num WHERE s.model_id <> '' AND s.model_id IN").List(ids...).
		Add("ORDER BY s.model_id, s.key, s.num")
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		m := new(metadatav1.Metric)
		var value number
		err := scan(&m.ModelId, &m.Key, &value.value, &value.isNaN, &m.Step, &m.Timestamp, &m.DatasetName, &m.DatasetDigest, &m.RunId)
		if err != nil {
			return err
		}
		m.Value = value.float()
		byID[m.GetModelId()].Metrics = append(byID[m.GetModelId()].Metrics, m)
		return nil
	})
}

func modelStatus(stored string) metadatav1.LoggedModel_Status {
	return metadatav1.LoggedModel_Status(metadatav1.LoggedModel_Status_value[statusPrefix+stored])
}

func storedModelStatus(status metadatav1.LoggedModel_Status) string {
	return strings.TrimPrefix(status.String(), statusPrefix)
}

func noModel(id string) error {
	return fault.NotFoundf("Logged model with ID '%s' not found.", id)
}
