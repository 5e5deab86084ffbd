package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/kfmesh/kfmesh/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the PostgreSQL advisory lock under which replicas that start
// together take turns to migrate. The number is arbitrary but must never change.
const migrationLock = 0x6b666d6573680001

// migrate brings the schema up to date. A schema newer than this binary knows
// is a Precondition fault: an older binary would misread it.
func (db *DB) migrate(ctx context.Context) (err error) {
	unlock, err := db.lockSchema(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	provider, err := db.provider()
	if err != nil {
		return fault.Internalf(err, "the migrations of the metadata database cannot be read")
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return db.fail(err)
	}
	if current > known {
		return fault.Preconditionf("the metadata database has schema version %d and this kfmesh knows only up to %d: "+
			"run the kfmesh that wrote it, or a newer one", current, known).WithReason(TooNew)
	}
	if _, err := provider.Up(ctx); err != nil {
		return db.fail(err)
	}
	return nil
}

// lockSchema keeps other replicas from migrating until unlock is called.
func (db *DB) lockSchema(ctx context.Context) (unlock func(), err error) {
	if db.dialect != Postgres {
		return func() {}, nil
	}
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return nil, db.fail(err)
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		_ = conn.Close()
		return nil, db.fail(err)
	}
	return func() {
		// The lock goes with the session, so a failure here releases it too.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		_ = conn.Close()
	}, nil
}

// provider lists the embedded migrations in this dialect; the number that
// starts a file's name is its version. A file for one engine alone ends in
// .sqlite.sql or .postgres.sql.
func (db *DB) provider() (*goose.Provider, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	steps := make([]*goose.Migration, 0, len(names))
	for _, name := range names {
		if !db.dialect.owns(name) {
			continue
		}
		step, err := db.migration(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	return goose.NewProvider(dialect, db.writer, nil,
		goose.WithTableName("schema_version"),
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(steps...))
}

// migration reads one file.
func (db *DB) migration(name string) (*goose.Migration, error) {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return nil, err
	}
	version, err := goose.NumericComponent(name)
	if err != nil {
		return nil, fmt.Errorf("migration %s: %w", name, err)
	}
	up := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, db.dialect.schema(string(text)))
		return err
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil), nil
}
