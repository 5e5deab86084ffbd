// Package tracking keeps what people track of their experiments in SQL: runs
// with their parameters, metrics, tags, datasets and models, as MLflow has them.
//
// Limits, defaults and the wording of errors are MLflow's, because its clients
// and those who read their tracebacks know them.
//
// A namespace is MLflow's workspace. What is in another namespace does not exist
// for a request. Ids are unique over all namespaces.
//
// Invariants. A run's tag mlflow.runName is its name. A row of tracking_latest is
// the point of its metric with the highest step, then time, then value, where
// NaN counts as 0; it changes in the transaction that adds the point. A point is
// there once, however often it is logged. Rows are marked as deleted, never
// removed.
//
// Concurrency. A Store is safe for concurrent use, and so are several on one
// PostgreSQL database: what a Store remembers between calls never changes (see
// memory). A call is one transaction. Rows are taken in the order run, parameters,
// series, points, latest, tags, each by key, so that writers queue and do not
// deadlock.
package tracking

import (
	"cmp"
	"strconv"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// batch is how many rows or values one statement carries at most, far below
// both engines' limits on placeholders.
const batch = 500

// defaultNamespace is the one of requests that name none.
const defaultNamespace = "default"

// Stages as they are stored: MLflow's lifecycle stages.
const (
	active  = "active"
	deleted = "deleted"
)

// Store is what was tracked, in one database. It is safe for concurrent use.
type Store struct {
	db     *sqlstore.DB
	runs   *memory[string, runRef]
	series *memory[seriesOf, int64]
	few    int // see runSearch.driver
}

// New returns the store in db.
func New(db *sqlstore.DB) *Store {
	return &Store{
		db: db, runs: newMemory[string, runRef](rememberedRuns), series: newMemory[seriesOf, int64](rememberedSeries), few: fewRuns,
	}
}

// namespaceOf is the namespace that a request means.
func namespaceOf(request interface{ GetNamespace() string }) string {
	return cmp.Or(request.GetNamespace(), defaultNamespace)
}

// nowMillis is the time as MLflow has it.
func nowMillis() int64 { return time.Now().UnixMilli() }

// decimal is how ids of experiments are spelled.
func decimal(id int64) string { return strconv.FormatInt(id, 10) }

// invalid is a request that is wrong, in MLflow's words.
func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, format, args...)
}

// boxed is values as a statement takes them.
func boxed[T any](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}
