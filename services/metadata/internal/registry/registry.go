// Package registry keeps models that were chosen to be used in SQL: registered
// models, their versions with stages, aliases and properties, and what hangs on
// them.
//
// One model serves MLflow's clients and those of Kubeflow Model Registry. A
// version has a number, which is how MLflow knows it, and a name, which is how
// Kubeflow knows it; MLflow's tags and Kubeflow's custom properties are one thing,
// of which MLflow sees the text. Limits and the wording of errors are MLflow's.
//
// A namespace is MLflow's workspace. What is in another namespace does not exist
// for a request. Ids are unique over all namespaces.
//
// Invariants. No number of a version is given twice: the highest ever given is
// kept with the model. A version with a source has a model artifact. The logged
// model that a version was made of says so in its tag mlflow.modelVersions. What is
// deployed is not deleted.
//
// Concurrency. A Registry is safe for concurrent use. A call is one transaction,
// which takes the row of the model before those of its versions, so that writers
// queue and do not deadlock.
package registry

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// batch is how many values one statement carries at most, far below both
// engines' limits on placeholders.
const batch = 500

// defaultNamespace is the one of requests that name none.
const defaultNamespace = "default"

// Registry is the registry in one database. It is safe for concurrent use.
type Registry struct {
	db *sqlstore.DB
}

// New returns the registry in db.
func New(db *sqlstore.DB) *Registry { return &Registry{db: db} }

// namespaceOf is the namespace that a request means.
func namespaceOf(request interface{ GetNamespace() string }) string {
	return cmp.Or(request.GetNamespace(), defaultNamespace)
}

// nowMillis is the time as MLflow has it.
func nowMillis() int64 { return time.Now().UnixMilli() }

// read returns what fn finds in one snapshot.
func read[T any](ctx context.Context, r *Registry, fn func(*sqlstore.Tx) (T, error)) (found T, err error) {
	err = r.db.Read(ctx, func(tx *sqlstore.Tx) (err error) {
		found, err = fn(tx)
		return err
	})
	return found, err
}

// write returns what fn made in one transaction.
func write[T any](ctx context.Context, r *Registry, fn func(*sqlstore.Tx) (T, error)) (made T, err error) {
	err = r.db.Write(ctx, func(tx *sqlstore.Tx) (err error) {
		made, err = fn(tx)
		return err
	})
	return made, err
}

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

// change is an UPDATE in the making.
type change struct {
	columns []string
	values  []any
}

// set sets a column.
func (c *change) set(column string, value any) {
	c.columns = append(c.columns, column+" = ?")
	c.values = append(c.values, value)
}

// setText sets a column to a text that was given.
func (c *change) setText(column string, value *string) {
	if value != nil {
		c.set(column, *value)
	}
}

// exec changes the row with an id.
func (c *change) exec(ctx context.Context, tx *sqlstore.Tx, table string, id int64) error {
	q := sqlstore.Q("UPDATE "+table+" SET "+strings.Join(c.columns, ", "), c.values...)
	n, err := tx.Exec(ctx, q.Add("WHERE id = ?", id))
	if err == nil && n != 1 {
		err = fault.Internalf(fmt.Errorf("%d rows of %s with id %d", n, table, id), "the registry lost a row")
	}
	return err
}
