package mirror

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// batch is how many rows or values one statement carries at most.
const batch = 500

// active is the stage of what was not deleted.
const active = "active"

// knownRuns returns the numbers of runs that are there, by id.
func knownRuns(ctx context.Context, tx *sqlstore.Tx, ids []string) (map[string]int64, error) {
	known := make(map[string]int64, len(ids))
	for some := range slices.Chunk(ids, batch) {
		q := sqlstore.Q("SELECT run_id, num FROM tracking_runs WHERE run_id IN").List(boxed(some)...)
		if err := numbers(ctx, tx, q, known); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// numbers adds the rows (id, number) of a statement.
func numbers(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query, into map[string]int64) error {
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var id string
		var num int64
		err := scan(&id, &num)
		into[id] = num
		return err
	})
}

// addParents adds the runs that tasks are nested in, and their experiments, where
// they are not there. Of those that are, the state is told by events.
func addParents(ctx context.Context, tx *sqlstore.Tx, p *plan, known map[string]int64) error {
	var missing, fresh []*run
	for _, id := range slices.Sorted(maps.Keys(p.parents)) {
		if known[id] == 0 {
			missing = append(missing, p.parents[id])
		}
	}
	for _, t := range p.tasks {
		if t.known = known[t.id]; t.known == 0 {
			fresh = append(fresh, t)
		}
	}
	if len(missing)+len(fresh) == 0 {
		return nil
	}
	if err := ensureExperiments(ctx, tx, append(slices.Clone(missing), fresh...)); err != nil {
		return err
	}
	return putRuns(ctx, tx, missing, "ON CONFLICT (run_id) DO UPDATE SET run_id = excluded.run_id") // so that it returns them
}

// putTasks stores tasks.
func putTasks(ctx context.Context, tx *sqlstore.Tx, tasks []*run) error {
	err := putRuns(ctx, tx, tasks, "ON CONFLICT (run_id) DO UPDATE SET status = excluded.status,"+
		" started_at = excluded.started_at, ended_at = excluded.ended_at")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if len(t.metrics) > 0 {
			if err := tracking.AddMetrics(ctx, tx, t.num, t.experiment.id, t.metrics); err != nil {
				return err
			}
		}
	}
	if err := putModels(ctx, tx, tasks); err != nil {
		return err
	}
	return putDatasets(ctx, tx, tasks)
}

// putRuns stores runs with tags and parameters, and numbers them. No two are the
// same. Parameters that are there stay as they are.
func putRuns(ctx context.Context, tx *sqlstore.Tx, runs []*run, conflict string) error {
	nums := make(map[string]int64, len(runs))
	for some := range slices.Chunk(runs, batch) {
		q := sqlstore.Q("INSERT INTO tracking_runs (run_id, experiment_id, name, user_id, status, stage, artifact_uri, started_at, ended_at) VALUES")
		for i, r := range some {
			if i > 0 {
				q.Add(",")
			}
			q.List(r.id, r.experiment.id, r.name, "", r.status, active, tracking.RunPlace(r.experiment.place, r.id), r.started, r.end())
		}
		if err := numbers(ctx, tx, q.Add(conflict).Add("RETURNING run_id, num"), nums); err != nil {
			return err
		}
	}
	var tags, params [][]any
	for _, r := range runs {
		r.num = nums[r.id]
		tags, params = append(tags, rows(r, r.newTags())...), append(params, rows(r, r.newParams())...)
	}
	const pairs = " (run_num, key, value)"
	if err := insert(ctx, tx, "tracking_tags"+pairs, tags, "ON CONFLICT (run_num, key) DO UPDATE SET value = excluded.value"); err != nil {
		return err
	}
	return insert(ctx, tx, "tracking_params"+pairs, params, "ON CONFLICT (run_num, key) DO NOTHING")
}

// newTags are the tags that a run does not have yet: of one that was there, people
// may have changed the others.
func (r *run) newTags() []pair {
	if r.known == 0 {
		return r.tags
	}
	return slices.DeleteFunc(slices.Clone(r.tags), func(p pair) bool { return p.key != tagCached })
}

// newParams are the parameters that a run does not have yet.
func (r *run) newParams() []pair {
	if r.known == 0 {
		return r.params
	}
	return nil
}

// end is the time as the database has it.
func (r *run) end() *int64 {
	if r.ended == 0 {
		return nil
	}
	return &r.ended
}

func rows(r *run, pairs []pair) [][]any {
	all := make([][]any, 0, len(pairs))
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		if !seen[p.key] {
			seen[p.key] = true
			all = append(all, []any{r.num, p.key, cut(p.value, maxTag)})
		}
	}
	return all
}

// ensureExperiments sees to it that the experiments of runs are there, and learns
// where their artifacts go.
func ensureExperiments(ctx context.Context, tx *sqlstore.Tx, runs []*run) error {
	of := map[int64][]*experiment{}
	for _, r := range runs {
		of[r.experiment.id] = append(of[r.experiment.id], r.experiment)
	}
	ids := slices.Sorted(maps.Keys(of))
	places, err := placesOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, known := places[id]; !known {
			if err := addExperiment(ctx, tx, of[id][0]); err != nil {
				return err
			}
			places[id] = tracking.Place(of[id][0].namespace, id)
		}
		for _, e := range of[id] {
			e.place = places[id]
		}
	}
	return nil
}

func placesOf(ctx context.Context, tx *sqlstore.Tx, ids []int64) (map[int64]string, error) {
	places := make(map[int64]string, len(ids))
	for some := range slices.Chunk(ids, batch) {
		q := sqlstore.Q("SELECT id, artifact_location FROM tracking_experiments WHERE id IN").List(boxed(some)...)
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var id int64
			var place string
			err := scan(&id, &place)
			places[id] = place
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

// addExperiment adds an experiment, under another name when its own is taken.
func addExperiment(ctx context.Context, tx *sqlstore.Tx, e *experiment) error {
	now := nowMillis()
	for _, name := range []string{e.name, e.name + " (pipelines)", e.name + " (" + strconv.FormatInt(e.id, 10) + ")"} {
		q := sqlstore.Q("INSERT INTO tracking_experiments (id, namespace, name, artifact_location, stage, created_at, updated_at) VALUES").
			List(e.id, e.namespace, name, tracking.Place(e.namespace, e.id), active, now, now).Add("ON CONFLICT DO NOTHING")
		if n, err := tx.Exec(ctx, q); n > 0 || err != nil {
			return err
		}
		if places, err := placesOf(ctx, tx, []int64{e.id}); len(places) > 0 || err != nil {
			return err // another transaction was first
		}
	}
	return nil
}

// loggedBy returns what executions that have ended logged, by the number of the run.
func loggedBy(ctx context.Context, tx *sqlstore.Tx, tasks []*run, known map[string]int64) (map[int64][]*metadatav1.Metric, error) {
	var nums []int64
	for _, t := range tasks {
		if num := known[t.source()]; t.status != running && num != 0 {
			nums = append(nums, num)
		}
	}
	slices.Sort(nums)
	nums = slices.Compact(nums)
	logged := map[int64][]*metadatav1.Metric{}
	for some := range slices.Chunk(nums, batch) {
		q := sqlstore.Q("SELECT run_num, key, value, is_nan FROM tracking_latest WHERE run_num IN").List(boxed(some)...).Add("ORDER BY run_num, key")
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var num int64
			var nan bool
			m := new(metadatav1.Metric)
			err := scan(&num, &m.Key, &m.Value, &nan)
			if nan {
				m.Value = math.NaN()
			}
			logged[num] = append(logged[num], m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return logged, nil
}

// putDatasets joins runs to the datasets that they read.
func putDatasets(ctx context.Context, tx *sqlstore.Tx, tasks []*run) error {
	for _, t := range tasks {
		if t.known != 0 && t.status == running {
			continue // it has them
		}
		for _, d := range t.datasets {
			var num int64
			q := sqlstore.Q("INSERT INTO tracking_datasets (experiment_id, name, digest, source_type, source, schema, profile) VALUES").
				List(t.experiment.id, d.name, d.digest, "kfmesh", d.source, "", "").
				Add("ON CONFLICT (experiment_id, name, digest) DO UPDATE SET name = excluded.name RETURNING num")
			if _, err := tx.Row(ctx, q, &num); err != nil {
				return err
			}
			err := insert(ctx, tx, "tracking_inputs (run_num, dataset_num)", [][]any{{t.num, num}}, "ON CONFLICT DO NOTHING")
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// insert adds rows to a table, which is named with its columns.
func insert(ctx context.Context, tx *sqlstore.Tx, into string, rows [][]any, conflict string) error {
	for some := range slices.Chunk(rows, batch) {
		q := sqlstore.Q("INSERT INTO " + into + " VALUES")
		for i, row := range some {
			if i > 0 {
				q.Add(",")
			}
			q.List(row...)
		}
		if _, err := tx.Exec(ctx, q.Add(conflict)); err != nil {
			return err
		}
	}
	return nil
}

func nowMillis() int64 { return time.Now().UnixMilli() }

func boxed[T cmp.Ordered](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}
