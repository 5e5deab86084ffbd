// Package sqltest runs a test on every database that the metadata service
// supports: SQLite always, PostgreSQL when KFMESH_TEST_POSTGRES holds the URL of
// a server whose user may create schemas.
package sqltest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Server is the environment variable that names the PostgreSQL server.
const Server = "KFMESH_TEST_POSTGRES"

// Each runs test as a parallel subtest on an empty database of each engine.
func Each(t *testing.T, test func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, databaseURL string) { test(t, Open(t, databaseURL)) })
}

// EachURL is Each for a test that opens the database itself.
func EachURL(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite://"+filepath.Join(t.TempDir(), "test.db"))
	})
	if server := os.Getenv(Server); server != "" {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			test(t, emptySchema(t, server))
		})
	}
}

// SQLite opens an empty SQLite database, for tests of what is above SQL.
func SQLite(t *testing.T) *sqlstore.DB {
	t.Helper()
	return Open(t, "sqlite://"+filepath.Join(t.TempDir(), "test.db"))
}

// Open opens a database until the test ends.
func Open(t *testing.T, databaseURL string) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// emptySchema makes a schema for one test and returns a URL that puts it first
// in the search path.
func emptySchema(t *testing.T, server string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", Server, err)
	}
	schema := "test_" + rand.Text()
	admin(t, server, `CREATE SCHEMA "`+schema+`"`)
	t.Cleanup(func() { admin(t, server, `DROP SCHEMA "`+schema+`" CASCADE`) })
	settings := target.Query()
	settings.Set("search_path", `"`+schema+`"`)
	target.RawQuery = settings.Encode()
	return target.String()
}

// admin runs one statement.
func admin(t *testing.T, server, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatalf("%s: %v", Server, err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
