package tracking

import (
	"cmp"
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const (
	// defaultExperiment is the one that runs go to which name none. Its id is 0 in
	// the default namespace; other namespaces get one when it is first asked for.
	defaultExperiment     = "Default"
	defaultExperimentID   = "0"
	firstDerivedID        = 100_000_000_000_000_000 // ids made of others have 18 digits
	cannotRenameNotActive = "Cannot rename a non-active experiment."
)

// CreateExperiment makes an experiment, or returns an AlreadyExists fault when
// one, deleted or not, has its name.
func (s *Store) CreateExperiment(ctx context.Context, request *metadatav1.CreateExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	if err := checkNewExperiment(request); err != nil {
		return nil, err
	}
	var made *metadatav1.TrackingExperiment
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) (err error) {
		made, err = createExperiment(ctx, tx, namespaceOf(request), request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func checkNewExperiment(request *metadatav1.CreateExperimentRequest) error {
	if err := checkExperimentName(request.GetName()); err != nil {
		return err
	}
	if longerThan(request.GetArtifactLocation(), maxLocation) {
		return invalid("Invalid artifact path length. The length of the artifact path cannot be greater than %d characters.", maxLocation)
	}
	for _, tag := range request.GetTags() {
		if err := checkExperimentTag(tag); err != nil {
			return err
		}
	}
	return nil
}

func createExperiment(ctx context.Context, tx *sqlstore.Tx, namespace string, request *metadatav1.CreateExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	if err := nameIsFree(ctx, tx, namespace, request.GetName()); err != nil {
		return nil, err
	}
	var id int64
	if _, err := tx.Row(ctx, sqlstore.Q("SELECT COALESCE(MAX(id), 0) + 1 FROM tracking_experiments WHERE id < ?", int64(firstDerivedID)), &id); err != nil {
		return nil, err
	}
	now := nowMillis()
	experiment := &metadatav1.TrackingExperiment{
		ExperimentId: decimal(id), Namespace: namespace, Name: request.GetName(),
		ArtifactLocation: cmp.Or(request.GetArtifactLocation(), place(namespace, id)),
		Stage:            metadatav1.Stage_STAGE_ACTIVE, CreationTime: now, LastUpdateTime: now, Tags: lastOfEach(request.GetTags()),
	}
	_, err := tx.Exec(ctx, sqlstore.Q("INSERT INTO tracking_experiments ("+experimentColumns+") VALUES").
		List(id, namespace, experiment.GetName(), experiment.GetArtifactLocation(), active, now, now))
	if err != nil {
		return nil, err
	}
	return experiment, putTags(ctx, tx, experimentTags, id, experiment.GetTags())
}

// nameIsFree returns an AlreadyExists fault when an experiment has a name.
func nameIsFree(ctx context.Context, tx *sqlstore.Tx, namespace, name string) error {
	var stage string
	found, err := tx.Row(ctx, sqlstore.Q("SELECT stage FROM tracking_experiments WHERE namespace = ? AND name = ?", namespace, name), &stage)
	switch {
	case err != nil || !found:
		return err
	case stage == deleted:
		return fault.AlreadyExistsf("Experiment(name=%s) already exists. It is deleted: restore it or choose another name.", name)
	}
	return fault.AlreadyExistsf("Experiment(name=%s) already exists.", name)
}

// GetExperiment returns an experiment by id or name, or a NotFound fault. The
// default one of a namespace is made when it is not there.
func (s *Store) GetExperiment(ctx context.Context, request *metadatav1.GetTrackingExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	namespace, name, id := namespaceOf(request), request.GetName(), cmp.Or(request.GetExperimentId(), defaultExperimentID)
	var found *metadatav1.TrackingExperiment
	err := s.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		if name != "" {
			found, err = experimentNamed(ctx, tx, namespace, name)
			return err
		}
		found, err = experimentByID(ctx, tx, namespace, id)
		return err
	})
	if fault.Is(err, fault.NotFound) && (name == defaultExperiment || name == "" && id == defaultExperimentID) {
		err = s.db.Write(ctx, func(tx *sqlstore.Tx) (err error) {
			found, err = defaultOf(ctx, tx, namespace)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// defaultOf returns the default experiment of a namespace, which it makes when it
// is not there.
func defaultOf(ctx context.Context, tx *sqlstore.Tx, namespace string) (*metadatav1.TrackingExperiment, error) {
	experiment, err := experimentNamed(ctx, tx, namespace, defaultExperiment)
	if fault.Is(err, fault.NotFound) {
		return createExperiment(ctx, tx, namespace, &metadatav1.CreateExperimentRequest{Name: defaultExperiment})
	}
	return experiment, err
}

// UpdateExperiment renames an experiment.
func (s *Store) UpdateExperiment(ctx context.Context, request *metadatav1.UpdateTrackingExperimentRequest) (*metadatav1.UpdateTrackingExperimentResponse, error) {
	if err := checkExperimentName(request.GetName()); err != nil {
		return nil, err
	}
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		experiment, err := experimentByID(ctx, tx, namespaceOf(request), request.GetExperimentId())
		switch {
		case err != nil:
			return err
		case experiment.GetStage() != metadatav1.Stage_STAGE_ACTIVE:
			return invalid(cannotRenameNotActive).WithReason("INVALID_STATE")
		case experiment.GetName() == request.GetName():
			return nil
		}
		if err := nameIsFree(ctx, tx, namespaceOf(request), request.GetName()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlstore.Q("UPDATE tracking_experiments SET name = ?, updated_at = ? WHERE id = ?",
			request.GetName(), nowMillis(), experimentNum(experiment)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.UpdateTrackingExperimentResponse{}, nil
}

// SetExperimentStage deletes or restores an experiment and its runs. One that is
// in the stage already is not found, as in MLflow.
func (s *Store) SetExperimentStage(ctx context.Context, request *metadatav1.SetExperimentStageRequest) (*metadatav1.SetExperimentStageResponse, error) {
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		experiment, err := experimentByID(ctx, tx, namespaceOf(request), request.GetExperimentId())
		if err != nil {
			return err
		}
		if experiment.GetStage() == request.GetStage() {
			return noExperiment(experiment.GetExperimentId())
		}
		id, now, stage := experimentNum(experiment), nowMillis(), storedStage(request.GetStage())
		if _, err := tx.Exec(ctx, sqlstore.Q("UPDATE tracking_experiments SET stage = ?, updated_at = ? WHERE id = ?", stage, now, id)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlstore.Q("UPDATE tracking_runs SET stage = ?, deleted_at = ? WHERE experiment_id = ?", stage, deletedAt(stage, now), id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.SetExperimentStageResponse{}, nil
}

// deletedAt is when something came into a stage, if that is being deleted.
func deletedAt(stage string, now int64) any {
	if stage == deleted {
		return now
	}
	return nil
}

// SetExperimentTags sets and deletes tags of an experiment.
func (s *Store) SetExperimentTags(ctx context.Context, request *metadatav1.SetExperimentTagsRequest) (*metadatav1.SetExperimentTagsResponse, error) {
	for _, tag := range request.GetTags() {
		if err := checkExperimentTag(tag); err != nil {
			return nil, err
		}
	}
	err := s.db.Write(ctx, func(tx *sqlstore.Tx) error {
		experiment, err := experimentByID(ctx, tx, namespaceOf(request), request.GetExperimentId())
		if err != nil {
			return err
		}
		if err := isActive(experiment); err != nil {
			return err
		}
		id := experimentNum(experiment)
		if err := putTags(ctx, tx, experimentTags, id, lastOfEach(request.GetTags())); err != nil {
			return err
		}
		return deleteTags(ctx, tx, experimentTags, id, request.GetDeleteKeys(), func(key string) error {
			return fault.NotFoundf("No tag with name: %s in experiment with id %s", key, experiment.GetExperimentId())
		})
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.SetExperimentTagsResponse{}, nil
}

// isActive returns an Invalid fault for an experiment that is deleted.
func isActive(experiment *metadatav1.TrackingExperiment) error {
	if experiment.GetStage() == metadatav1.Stage_STAGE_ACTIVE {
		return nil
	}
	return invalid("The experiment %s must be in the 'active' state. Current state is %s.",
		experiment.GetExperimentId(), storedStage(experiment.GetStage()))
}
