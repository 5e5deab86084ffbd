package tracking

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

const experimentColumns = "id, namespace, name, artifact_location, stage, created_at, updated_at"

// experimentByID returns an experiment with its tags, or a NotFound fault. No id,
// and 0 outside of the default namespace, mean the namespace's default one.
func experimentByID(ctx context.Context, tx *sqlstore.Tx, namespace, id string) (*metadatav1.TrackingExperiment, error) {
	parsed, err := parseExperimentID(cmp.Or(id, defaultExperimentID))
	if err != nil {
		return nil, err
	}
	if parsed == 0 && namespace != defaultNamespace {
		return experimentNamed(ctx, tx, namespace, defaultExperiment)
	}
	found, err := loadExperiments(ctx, tx, []int64{parsed})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].GetNamespace() != namespace {
		return nil, noExperiment(decimal(parsed))
	}
	return found[0], nil
}

// experimentNamed returns an experiment with its tags, or a NotFound fault.
func experimentNamed(ctx context.Context, tx *sqlstore.Tx, namespace, name string) (*metadatav1.TrackingExperiment, error) {
	found, err := readExperiments(ctx, tx, sqlstore.Q("SELECT "+experimentColumns+" FROM tracking_experiments WHERE namespace = ? AND name = ?", namespace, name))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("Could not find experiment with name '%s'", name)
	}
	return found[0], nil
}

// loadExperiments returns the experiments with these numbers, in this order and
// with their tags. One that is not there is left out.
func loadExperiments(ctx context.Context, tx *sqlstore.Tx, ids []int64) ([]*metadatav1.TrackingExperiment, error) {
	byID := make(map[int64]*metadatav1.TrackingExperiment, len(ids))
	for some := range slices.Chunk(ids, batch) {
		found, err := readExperiments(ctx, tx, sqlstore.Q("SELECT "+experimentColumns+" FROM tracking_experiments WHERE id IN").List(boxed(some)...))
		if err != nil {
			return nil, err
		}
		for _, experiment := range found {
			byID[experimentNum(experiment)] = experiment
		}
	}
	return inOrder(ids, byID), nil
}

// readExperiments reads the rows of a query for experimentColumns, and the tags.
func readExperiments(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query) ([]*metadatav1.TrackingExperiment, error) {
	var found []*metadatav1.TrackingExperiment
	byID := map[int64]*metadatav1.TrackingExperiment{}
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		e := new(metadatav1.TrackingExperiment)
		var id int64
		var stage string
		if err := scan(&id, &e.Namespace, &e.Name, &e.ArtifactLocation, &stage, &e.CreationTime, &e.LastUpdateTime); err != nil {
			return err
		}
		e.ExperimentId, e.Stage = decimal(id), stageOf(stage)
		found, byID[id] = append(found, e), e
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, readTags(ctx, tx, experimentTags, byID, func(e *metadatav1.TrackingExperiment, tag *metadatav1.Tag) {
		e.Tags = append(e.Tags, tag)
	})
}

// experimentNum is the id of an experiment from this store, as a number.
func experimentNum(e *metadatav1.TrackingExperiment) int64 {
	id, _ := strconv.ParseInt(e.GetExperimentId(), 10, 64) // it was made by decimal
	return id
}

func noExperiment(id string) error {
	return fault.NotFoundf("No Experiment with id=%s exists", id)
}

// inOrder lists what a map has of some keys.
func inOrder[K comparable, V any](keys []K, values map[K]V) []V {
	listed := make([]V, 0, len(keys))
	for _, key := range keys {
		if value, ok := values[key]; ok {
			listed = append(listed, value)
		}
	}
	return listed
}
