package tracking

import (
	"context"
	"slices"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// loadRuns returns the runs with these numbers, in this order, with all that was
// logged. One that is not there is left out.
func loadRuns(ctx context.Context, tx *sqlstore.Tx, nums []int64) ([]*metadatav1.TrackingRun, error) {
	runs := make([]*metadatav1.TrackingRun, 0, len(nums))
	for some := range slices.Chunk(nums, batch) {
		byNum, err := readRuns(ctx, tx, some)
		if err != nil {
			return nil, err
		}
		if err := fillRuns(ctx, tx, byNum); err != nil {
			return nil, err
		}
		runs = append(runs, inOrder(some, byNum)...)
	}
	return runs, nil
}

// readRuns reads what runs are, by number.
func readRuns(ctx context.Context, tx *sqlstore.Tx, nums []int64) (map[int64]*metadatav1.TrackingRun, error) {
	byNum := make(map[int64]*metadatav1.TrackingRun, len(nums))
	q := sqlstore.Q("SELECT " + runColumns + " FROM tracking_runs r WHERE r.num IN").List(boxed(nums)...)
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		run, err := scanRun(scan)
		if err == nil {
			byNum[run.num] = &metadatav1.TrackingRun{Info: run.info}
		}
		return err
	})
	return byNum, err
}

// fillRuns reads what was logged.
func fillRuns(ctx context.Context, tx *sqlstore.Tx, runs map[int64]*metadatav1.TrackingRun) error {
	if len(runs) == 0 {
		return nil
	}
	err := readParams(ctx, tx, runParams, runs, func(run *metadatav1.TrackingRun, param *metadatav1.Param) {
		run.Params = append(run.Params, param)
	})
	if err != nil {
		return err
	}
	err = readTags(ctx, tx, runTags, runs, func(run *metadatav1.TrackingRun, tag *metadatav1.Tag) {
		run.Tags = append(run.Tags, tag)
	})
	if err != nil {
		return err
	}
	nums := numsOf(runs)
	if err := readLatest(ctx, tx, nums, runs); err != nil {
		return err
	}
	if err := readInputs(ctx, tx, nums, runs); err != nil {
		return err
	}
	return readModelLinks(ctx, tx, nums, runs)
}

// numsOf lists the keys of a map as a statement takes them.
func numsOf[T any](byNum map[int64]T) []any {
	nums := make([]any, 0, len(byNum))
	for num := range byNum {
		nums = append(nums, num)
	}
	return nums
}

// readLatest reads the latest points of metrics.
func readLatest(ctx context.Context, tx *sqlstore.Tx, nums []any, runs map[int64]*metadatav1.TrackingRun) error {
	q := sqlstore.Q("SELECT run_num, key, value, is_nan, step, at FROM tracking_latest WHERE run_num IN").List(nums...).
		Add("ORDER BY run_num, key")
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		m := new(metadatav1.Metric)
		var num int64
		var value number
		if err := scan(&num, &m.Key, &value.value, &value.isNaN, &m.Step, &m.Timestamp); err != nil {
			return err
		}
		m.Value = value.float()
		runs[num].Metrics = append(runs[num].Metrics, m)
		return nil
	})
}

// readInputs reads the datasets that runs read, with the tags of reading.
func readInputs(ctx context.Context, tx *sqlstore.Tx, nums []any, runs map[int64]*metadatav1.TrackingRun) error {
	type key struct{ run, dataset int64 }
	inputs := map[key]*metadatav1.DatasetInput{}
	q := sqlstore.Q("SELECT i.run_num, d.num, d.name, d.digest, d.source_type, d.source, d.schema, d.profile FROM tracking_inputs i" +
		" JOIN tracking_datasets d ON d.num = i.dataset_num WHERE i.run_num IN").List(nums...).Add("ORDER BY i.run_num, i.dataset_num")
	err := tx.Rows(ctx, q, func(scan func(...any) error) error {
		d := new(metadatav1.Dataset)
		var k key
		if err := scan(&k.run, &k.dataset, &d.Name, &d.Digest, &d.SourceType, &d.Source, &d.Schema, &d.Profile); err != nil {
			return err
		}
		inputs[k] = &metadatav1.DatasetInput{Dataset: d}
		runs[k.run].DatasetInputs = append(runs[k.run].DatasetInputs, inputs[k])
		return nil
	})
	if err != nil || len(inputs) == 0 {
		return err
	}
	q = sqlstore.Q("SELECT run_num, dataset_num, key, value FROM tracking_input_tags WHERE run_num IN").List(nums...).
		Add("ORDER BY run_num, dataset_num, key")
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		tag := new(metadatav1.Tag)
		var k key
		if err := scan(&k.run, &k.dataset, &tag.Key, &tag.Value); err != nil {
			return err
		}
		inputs[k].Tags = append(inputs[k].Tags, tag)
		return nil
	})
}

// Directions of tracking_model_links.
const (
	modelRead = 1
	modelMade = 2
)

// readModelLinks reads the models that runs read and made.
func readModelLinks(ctx context.Context, tx *sqlstore.Tx, nums []any, runs map[int64]*metadatav1.TrackingRun) error {
	q := sqlstore.Q("SELECT run_num, direction, model_id, step FROM tracking_model_links WHERE run_num IN").List(nums...).
		Add("ORDER BY run_num, direction, step, model_id")
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var num, step int64
		var direction int
		var model string
		if err := scan(&num, &direction, &model, &step); err != nil {
			return err
		}
		if run := runs[num]; direction == modelRead {
			run.ModelInputs = append(run.ModelInputs, &metadatav1.ModelInput{ModelId: model})
		} else {
			run.ModelOutputs = append(run.ModelOutputs, &metadatav1.ModelOutput{ModelId: model, Step: step})
		}
		return nil
	})
}
