package tracking

import (
	"cmp"
	"context"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Limits on what describes a model.
const (
	maxModelName   = 500
	badInModelName = `/:.%"'`
)

// CreateModel makes a model that a run will fill.
func (s *Store) CreateModel(ctx context.Context, request *metadatav1.CreateLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	params, err := checkModel(request)
	if err != nil {
		return nil, err
	}
	name := request.GetName()
	if name == "" {
		name = madeUpName()
	}
	now := nowMillis()
	model := &metadatav1.LoggedModel{
		ModelId: "m-" + newID(), Name: name, CreationTime: now, LastUpdateTime: now, Status: metadatav1.LoggedModel_STATUS_PENDING,
		ModelType: request.GetModelType(), SourceRunId: request.GetSourceRunId(), Tags: lastOfEach(request.GetTags()), Params: params,
	}
	err = s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		experiment, err := experimentToUse(ctx, tx, namespaceOf(request), request.GetExperimentId())
		if err != nil {
			return err
		}
		model.ExperimentId = experiment.GetExperimentId()
		model.ArtifactUri = under(experiment.GetArtifactLocation(), "models", model.GetModelId(), "artifacts")
		num, err := insertModel(ctx, tx, experimentNum(experiment), model)
		if err != nil {
			return err
		}
		if err := putModelParams(ctx, tx, num, model.GetModelId(), params); err != nil {
			return err
		}
		return putTags(ctx, tx, modelTags, num, model.GetTags())
	})
	if err != nil {
		return nil, err
	}
	return model, nil
}

// checkModel checks what describes a new model and returns its parameters.
func checkModel(request *metadatav1.CreateLoggedModelRequest) ([]*metadatav1.Param, error) {
	name := request.GetName()
	switch {
	case strings.ContainsAny(name, badInModelName):
		return nil, invalid("Invalid model name (%s) provided. Model name must be a non-empty string and cannot contain the"+
			` following characters: ('/', ':', '.', '%%', '"', "'")`, quotePython(name))
	case longerThan(name, maxModelName):
		return nil, tooLong("name", maxModelName)
	case len(request.GetParams()) > maxParams:
		return nil, invalid("A model can be created with at most %d params. Got %d params. Please log the others afterwards.",
			maxParams, len(request.GetParams()))
	}
	if err := checkModelTags(request.GetTags()); err != nil {
		return nil, err
	}
	return checkModelParams(request.GetParams())
}

func checkModelTags(tags []*metadatav1.Tag) error {
	for _, tag := range tags {
		if tag.GetKey() == "" || longerThan(tag.GetKey(), maxKey) {
			return badValue("tags.key", tag.GetKey(), "A key must have 1 to 250 characters.")
		}
	}
	return nil
}

func checkModelParams(params []*metadatav1.Param) ([]*metadatav1.Param, error) {
	for _, param := range params {
		if param.GetKey() == "" || longerThan(param.GetKey(), maxKey) {
			return nil, badValue("params.key", param.GetKey(), "A key must have 1 to 250 characters.")
		}
	}
	return sortParams(slices.Clone(params))
}

// GetModel returns a model, or a NotFound fault.
func (s *Store) GetModel(ctx context.Context, request *metadatav1.GetLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	var models []*metadatav1.LoggedModel
	err := s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		found, err := modelByID(ctx, tx, namespaceOf(request), request.GetModelId())
		if err != nil {
			return err
		}
		if found.stage == deleted && !request.GetAllowDeleted() {
			return noModel(request.GetModelId())
		}
		models, err = loadModels(ctx, tx, []int64{found.num})
		return err
	})
	if err != nil {
		return nil, err
	}
	return models[0], nil
}

// FinalizeModel sets the final status of a model.
func (s *Store) FinalizeModel(ctx context.Context, request *metadatav1.FinalizeLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	if request.GetStatus() == metadatav1.LoggedModel_STATUS_UNSPECIFIED {
		return nil, invalid("Missing value for required parameter 'status'.")
	}
	return s.changeModel(ctx, request, func(tx *sqlstore.Tx, model *modelRow) error {
		_, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_models SET status = ?, updated_at = ? WHERE num = ?",
			storedModelStatus(request.GetStatus()), nowMillis(), model.num))
		return err
	})
}

// DeleteModel deletes a model.
func (s *Store) DeleteModel(ctx context.Context, request *metadatav1.DeleteLoggedModelRequest) (*metadatav1.DeleteLoggedModelResponse, error) {
	_, err := s.changeModel(ctx, request, func(tx *sqlstore.Tx, model *modelRow) error {
		_, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_models SET stage = ?, updated_at = ? WHERE num = ?", deleted, nowMillis(), model.num))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.DeleteLoggedModelResponse{}, nil
}

// SetModelTags sets and deletes tags of a model.
func (s *Store) SetModelTags(ctx context.Context, request *metadatav1.SetLoggedModelTagsRequest) (*metadatav1.LoggedModel, error) {
	if err := checkModelTags(request.GetTags()); err != nil {
		return nil, err
	}
	return s.changeModel(ctx, request, func(tx *sqlstore.Tx, model *modelRow) error {
		if err := putTags(ctx, tx, modelTags, model.num, lastOfEach(request.GetTags())); err != nil {
			return err
		}
		return deleteTags(ctx, tx, modelTags, model.num, request.GetDeleteKeys(), func(key string) error {
			return fault.NotFoundf("No tag with key %s found for model with ID %s.", quotePython(key), quotePython(request.GetModelId()))
		})
	})
}

// LogModelParams adds parameters to a model. One that has its value already is no
// error.
func (s *Store) LogModelParams(ctx context.Context, request *metadatav1.LogLoggedModelParamsRequest) (*metadatav1.LogLoggedModelParamsResponse, error) {
	params, err := checkModelParams(request.GetParams())
	if err != nil {
		return nil, err
	}
	_, err = s.changeModel(ctx, request, func(tx *sqlstore.Tx, model *modelRow) error {
		return putModelParams(ctx, tx, model.num, request.GetModelId(), params)
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.LogLoggedModelParamsResponse{}, nil
}

func putModelParams(ctx context.Context, tx *sqlstore.Tx, num int64, id string, params []*metadatav1.Param) error {
	return putParams(ctx, tx, modelParams, owner{num: num, name: "model ID='" + id + "'"}, params)
}

// ofModel is a request about a model.
type ofModel interface {
	GetNamespace() string
	GetModelId() string
}

// changeModel runs fn in a transaction with a model and returns what became of it.
func (s *Store) changeModel(ctx context.Context, request ofModel, fn func(*sqlstore.Tx, *modelRow) error) (*metadatav1.LoggedModel, error) {
	namespace := cmp.Or(request.GetNamespace(), defaultNamespace)
	var models []*metadatav1.LoggedModel
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		model, err := modelByID(ctx, tx, namespace, request.GetModelId())
		if err != nil {
			return err
		}
		if err := fn(tx, model); err != nil {
			return err
		}
		models, err = loadModels(ctx, tx, []int64{model.num})
		return err
	})
	if err != nil {
		return nil, err
	}
	return models[0], nil
}
