package tracking

import (
	"context"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// MLflow's limits on datasets; lengths are in characters.
const (
	maxDatasetName    = 500
	maxDatasetDigest  = 36
	maxDatasetSource  = 65_535
	maxDatasetSchema  = 1_048_575
	maxDatasetProfile = 16_777_215
	maxInputTagKey    = 255
	maxInputTagValue  = 500
)

// LogInputs adds datasets and models that a run reads. One that it reads already
// stays as it is.
func (s *Store) LogInputs(ctx context.Context, request *metadatav1.LogInputsRequest) (*metadatav1.LogInputsResponse, error) {
	for _, input := range request.GetDatasets() {
		if err := checkInput(input); err != nil {
			return nil, err
		}
	}
	inputs := firstOfEach(request.GetDatasets())
	err := s.changeRun(ctx, request, func(tx *sqlstore.Tx, run runRef) error {
		for some := range slices.Chunk(inputs, batch) {
			if err := putInputs(ctx, tx, run, some); err != nil {
				return err
			}
		}
		links := make([]link, len(request.GetModels()))
		for i, model := range request.GetModels() {
			links[i] = link{direction: modelRead, model: model.GetModelId()}
		}
		return putLinks(ctx, tx, run.num, links)
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.LogInputsResponse{}, nil
}

// LogOutputs adds models that a run made.
func (s *Store) LogOutputs(ctx context.Context, request *metadatav1.LogOutputsRequest) (*metadatav1.LogOutputsResponse, error) {
	err := s.changeRun(ctx, request, func(tx *sqlstore.Tx, run runRef) error {
		links := make([]link, len(request.GetModels()))
		for i, model := range request.GetModels() {
			links[i] = link{direction: modelMade, model: model.GetModelId(), step: model.GetStep()}
		}
		return putLinks(ctx, tx, run.num, links)
	})
	if err != nil {
		return nil, err
	}
	return &metadatav1.LogOutputsResponse{}, nil
}

// checkInput checks a dataset and the tags of reading it.
func checkInput(input *metadatav1.DatasetInput) error {
	d := input.GetDataset()
	if d == nil {
		return invalid("Dataset cannot be None")
	}
	for _, field := range []struct {
		name, value string
		limit       int
	}{
		{"name", d.GetName(), maxDatasetName},
		{"digest", d.GetDigest(), maxDatasetDigest},
		{"source", d.GetSource(), maxDatasetSource},
		{"schema", d.GetSchema(), maxDatasetSchema},
		{"profile", d.GetProfile(), maxDatasetProfile},
	} {
		if longerThan(field.value, field.limit) {
			return tooLong(field.name, field.limit)
		}
	}
	for _, tag := range input.GetTags() {
		switch {
		case longerThan(tag.GetKey(), maxInputTagKey):
			return tooLong("key", maxInputTagKey)
		case longerThan(tag.GetValue(), maxInputTagValue):
			return tooLong("value", maxInputTagValue)
		}
	}
	return nil
}

// datasetKey names a dataset within an experiment.
type datasetKey struct{ name, digest string }

func datasetOf(input *metadatav1.DatasetInput) datasetKey {
	return datasetKey{input.GetDataset().GetName(), input.GetDataset().GetDigest()}
}

// firstOfEach is inputs by name and digest; of equal ones the first counts.
func firstOfEach(inputs []*metadatav1.DatasetInput) []*metadatav1.DatasetInput {
	seen := map[datasetKey]bool{}
	kept := slices.DeleteFunc(slices.Clone(inputs), func(input *metadatav1.DatasetInput) bool {
		twice := seen[datasetOf(input)]
		seen[datasetOf(input)] = true
		return twice
	})
	slices.SortFunc(kept, func(a, b *metadatav1.DatasetInput) int {
		if c := strings.Compare(datasetOf(a).name, datasetOf(b).name); c != 0 {
			return c
		}
		return strings.Compare(datasetOf(a).digest, datasetOf(b).digest)
	})
	return kept
}

// putInputs adds datasets that a run reads.
func putInputs(ctx context.Context, tx *sqlstore.Tx, run runRef, inputs []*metadatav1.DatasetInput) error {
	nums, err := datasetNums(ctx, tx, run.experiment, inputs)
	if err != nil {
		return err
	}
	tags := tx.Insert("tracking_input_tags", []string{"run_num", "dataset_num", "key", "value"}, "")
	for _, input := range inputs {
		num := nums[datasetOf(input)]
		added, err := tx.Exec(ctx, sqlstore.Q("INSERT INTO tracking_inputs (run_num, dataset_num) VALUES").List(run.num, num).Add("ON CONFLICT DO NOTHING"))
		if err != nil {
			return err
		}
		if added == 0 {
			continue
		}
		for _, tag := range lastOfEach(input.GetTags()) {
			if err := tags.Row(ctx, run.num, num, tag.GetKey(), tag.GetValue()); err != nil {
				return err
			}
		}
	}
	_, err = tags.Flush(ctx)
	return err
}

// datasetNums returns the numbers of datasets of an experiment, which it adds when
// they are not there.
func datasetNums(ctx context.Context, tx *sqlstore.Tx, experiment int64, inputs []*metadatav1.DatasetInput) (map[datasetKey]int64, error) {
	names := make([]any, len(inputs))
	insert := tx.Insert("tracking_datasets", []string{"experiment_id", "name", "digest", "source_type", "source", "schema", "profile"},
		"ON CONFLICT (experiment_id, name, digest) DO NOTHING")
	for i, input := range inputs {
		d := input.GetDataset()
		names[i] = d.GetName()
		err := insert.Row(ctx, experiment, d.GetName(), d.GetDigest(), d.GetSourceType(), d.GetSource(), d.GetSchema(), d.GetProfile())
		if err != nil {
			return nil, err
		}
	}
	if _, err := insert.Flush(ctx); err != nil {
		return nil, err
	}
	nums := make(map[datasetKey]int64, len(inputs))
	known := sqlstore.Q("SELECT num, name, digest FROM tracking_datasets WHERE experiment_id = ? AND name IN", experiment).List(names...)
	err := tx.Rows(ctx, known, func(scan func(...any) error) error {
		var num int64
		var d datasetKey
		err := scan(&num, &d.name, &d.digest)
		nums[d] = num
		return err
	})
	return nums, err
}

// link is a model that a run read or made.
type link struct {
	direction int
	model     string
	step      int64
}

// putLinks adds models; those that are there already stay as they are.
func putLinks(ctx context.Context, tx *sqlstore.Tx, run int64, links []link) error {
	slices.SortStableFunc(links, func(a, b link) int { return strings.Compare(a.model, b.model) })
	insert := tx.Insert("tracking_model_links", []string{"run_num", "direction", "model_id", "step"}, "ON CONFLICT DO NOTHING")
	for _, l := range links {
		if err := insert.Row(ctx, run, l.direction, l.model, l.step); err != nil {
			return err
		}
	}
	_, err := insert.Flush(ctx)
	return err
}
