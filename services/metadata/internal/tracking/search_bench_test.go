package tracking_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// BenchmarkSearchRuns searches 30,000 runs with 10 parameters, 10 metrics and 10
// tags each, on SQLite or on the server that KFMESH_TEST_POSTGRES names.
func BenchmarkSearchRuns(b *testing.B) {
	const runs, each = 30_000, 10
	databaseURL := cmp.Or(os.Getenv(sqltest.Server), "sqlite://"+filepath.Join(b.TempDir(), "bench.db"))
	fillRuns(b, databaseURL, runs, each)
	db, err := sqlstore.Open(b.Context(), databaseURL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	store := tracking.New(db)
	searches := []struct {
		name, filter, order string
		most                int32
	}{
		{"newest", "", "", 100},
		{"metric-by-metric", "metrics.m3 > 0.5", "metrics.m3 DESC", 100},
		{"metric-by-metric", "metrics.m3 > 0.5", "metrics.m3 DESC", 1000},
		{"by-metric", "", "metrics.m3", 100},
		{"metric-by-other", "metrics.m3 > 0.5", "metrics.m4", 100},
		{"metric", "metrics.m3 > 0.5", "", 100},
		{"metric-few", "metrics.m3 > 0.999", "", 100},
		{"metric-none", "metrics.m3 > 2", "", 100},
		{"param", "params.p3 = 'value 7'", "", 100},
		{"param-none", "params.p3 = 'none'", "", 100},
		{"tag-like", "tags.t3 LIKE '%77%'", "", 100},
		{"by-param", "", "params.p3 DESC", 100},
		{"three", "metrics.m3 > 0.5 AND metrics.m4 < 0.5 AND params.p1 = 'value 1'", "metrics.m5", 100},
		{"newest", "", "", 30_000},
	}
	for _, search := range searches {
		b.Run(fmt.Sprintf("%s-%d", search.name, search.most), func(b *testing.B) {
			request := &metadatav1.SearchRunsRequest{ExperimentIds: []string{"7"}, Filter: search.filter, MaxResults: search.most}
			if search.order != "" {
				request.OrderBy = []string{search.order}
			}
			n, before := 0, cpu(b)
			for b.Loop() {
				response, err := store.SearchRuns(b.Context(), request)
				if err != nil {
					b.Fatal(err)
				}
				n = len(response.GetRuns())
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/search")
			b.ReportMetric(float64(n), "runs")
		})
	}
}

// cpu is what the process has computed so far, which other processes do not
// stretch as they do the time of the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fillRuns makes experiment 7 with its runs, and others with a tenth as many runs
// that have the same metrics.
func fillRuns(b *testing.B, databaseURL string, runs, each int) {
	b.Helper()
	db, err := sqlstore.Open(b.Context(), databaseURL)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for experiment := 5; experiment <= 9 && err == nil; experiment++ {
		count := runs / 10
		if experiment == 7 {
			count = runs
		}
		err = db.Write(b.Context(), func(tx *sqlstore.Tx) error {
			return fillExperiment(b.Context(), tx, random, experiment, count, each)
		})
	}
	if err == nil && db.Dialect() == sqlstore.Postgres { // which does so by itself, but later
		err = db.Write(b.Context(), func(tx *sqlstore.Tx) error {
			_, err := tx.Exec(b.Context(), sqlstore.Q("ANALYZE"))
			return err
		})
	}
	if err := cmp.Or(err, db.Close()); err != nil {
		b.Fatal(err)
	}
}

func fillExperiment(ctx context.Context, tx *sqlstore.Tx, random *rand.Rand, experiment, runs, each int) error {
	_, err := tx.Exec(ctx, sqlstore.Q("INSERT INTO tracking_experiments (id, namespace, name, artifact_location, stage, created_at, updated_at) VALUES").
		List(experiment, "default", fmt.Sprintf("bench %d", experiment), "", "active", 0, 0))
	for i := 0; i < runs && err == nil; i++ {
		var num int64
		id := fmt.Sprintf("%016x%08x%08x", random.Uint64(), experiment, i)
		if _, err = tx.Row(ctx, sqlstore.Q("INSERT INTO tracking_runs (run_id, experiment_id, name, user_id, status, stage, artifact_uri, started_at) VALUES").
			List(id, experiment, fmt.Sprintf("swift-crane-%d", i), "someone", "FINISHED", "active", "mlflow-artifacts:/7/"+id+"/artifacts", 1_700_000_000_000+int64(i)*60_000+random.Int64N(600_000)).
			Add("RETURNING num"), &num); err != nil {
			return err
		}
		params := sqlstore.Q("INSERT INTO tracking_params (run_num, key, value) VALUES")
		tags := sqlstore.Q("INSERT INTO tracking_tags (run_num, key, value) VALUES")
		latest := sqlstore.Q("INSERT INTO tracking_latest (run_num, key, value, is_nan, step, at, experiment_id) VALUES")
		for j := range each {
			if j > 0 {
				params.Add(",")
				tags.Add(",")
				latest.Add(",")
			}
			params.List(num, fmt.Sprintf("p%d", j), fmt.Sprintf("value %d", random.IntN(100)))
			tags.List(num, fmt.Sprintf("t%d", j), fmt.Sprintf("a tag's value %d", random.IntN(10_000)))
			latest.List(num, fmt.Sprintf("m%d", j), random.Float64(), false, int64(100), int64(1_700_000_000_000), experiment)
		}
		for _, q := range []*sqlstore.Query{params, tags, latest} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
	}
	return err
}
