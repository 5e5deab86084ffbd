package tracking

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// What a search for datasets may ask for, and what it gets at most.
const (
	maxDatasetExperiments = 20
	maxDatasetSummaries   = 1000
)

// SearchDatasets returns the datasets of some experiments, each once for every
// context in which runs read it.
func (s *Store) SearchDatasets(ctx context.Context, request *metadatav1.SearchDatasetsRequest) (*metadatav1.SearchDatasetsResponse, error) {
	switch n := len(request.GetExperimentIds()); {
	case n == 0:
		return nil, invalid("SearchDatasets request must specify at least one experiment_id.")
	case n > maxDatasetExperiments:
		return nil, invalid("SearchDatasets request cannot specify more than %d experiment_ids. Received %d experiment_ids.", maxDatasetExperiments, n)
	}
	ids, err := parseExperimentIDs(request.GetExperimentIds())
	if err != nil {
		return nil, err
	}
	var found []*metadatav1.DatasetSummary
	err = s.db.Read(ctx, func(tx *sqlstore.Tx) error {
		found = nil
		experiments, err := experimentsIn(ctx, tx, namespaceOf(request), ids)
		if err != nil || len(experiments) == 0 {
			return err
		}
		found, err = datasetsOf(ctx, tx, experiments)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.SearchDatasetsResponse{Datasets: found}, nil
}

// datasetsOf reads what runs of experiments read, with what for.
func datasetsOf(ctx context.Context, tx *sqlstore.Tx, experiments []int64) ([]*metadatav1.DatasetSummary, error) {
	q := sqlstore.Q("SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM tracking_datasets d"+
		" JOIN tracking_inputs i ON i.dataset_num = d.num LEFT JOIN tracking_input_tags t"+
		" ON t.run_num = i.run_num AND t.dataset_num = i.dataset_num AND t.key = ? WHERE", datasetContext)
	oneOf(q, "d.experiment_id", experiments).Add("ORDER BY d.experiment_id, d.name, d.digest, t.value LIMIT ?", maxDatasetSummaries)
	var found []*metadatav1.DatasetSummary
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		d := new(metadatav1.DatasetSummary)
		var experiment int64
		err := scan(&experiment, &d.Name, &d.Digest, &d.Context)
		d.ExperimentId = decimal(experiment)
		found = append(found, d)
		return err
	})
	return found, err
}
