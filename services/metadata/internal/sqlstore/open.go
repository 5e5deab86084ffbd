package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/kfmesh/kfmesh/internal/batch"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// busyTimeout is how long a statement waits for a SQLite lock that another
// process holds.
const busyTimeout = "5000" // milliseconds

// readerCache is how much of the file a connection that reads keeps in memory. The
// file is in the system's cache anyway, and what is kept is dropped when somebody
// writes.
const readerCache = "1024" // KiB

// DB is an open database with its schema up to date.
type DB struct {
	dialect Dialect
	writer  *sql.DB
	reader  *sql.DB // the writer itself on PostgreSQL
	name    string  // for messages: where it is, without a password
	door    door
	writes  *batch.Queue[write] // nil on PostgreSQL
}

// CheckURL says what is wrong with a database URL, without opening it.
func CheckURL(databaseURL string) error {
	_, err := parse(databaseURL)
	return err
}

// Open opens the database that a URL names and migrates it:
// sqlite:///absolute/path (made when missing) or postgres://user@host/database.
//
// Errors: Invalid for a URL that is neither; Precondition for a file that is
// not a sound database, or a schema newer than this binary; Unavailable for a
// server that cannot be reached or a file that another process has locked.
func Open(ctx context.Context, databaseURL string) (*DB, error) {
	target, err := parse(databaseURL)
	if err != nil {
		return nil, err
	}
	open := openPostgres
	if target.Scheme == "sqlite" {
		open = openSQLite
	}
	db, err := open(target)
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// Dialect is how the database spells SQL.
func (db *DB) Dialect() Dialect { return db.dialect }

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.fail(db.reader.PingContext(ctx))
}

// Close waits for the transactions under way, refuses others, and disconnects.
func (db *DB) Close() error {
	db.door.close()
	err := db.writer.Close()
	if db.reader == db.writer {
		return err
	}
	return cmp.Or(db.reader.Close(), err)
}

// prepare connects and migrates.
func (db *DB) prepare(ctx context.Context) error {
	if err := db.fail(db.writer.PingContext(ctx)); err != nil {
		return err
	}
	return db.migrate(ctx)
}

// parse reads a database URL.
func parse(databaseURL string) (*url.URL, error) {
	const want = "want sqlite:///absolute/path or postgres://user@host:port/database"
	target, err := url.Parse(databaseURL)
	if err != nil { // the parser's own message repeats the URL, and with it a password
		return nil, fault.Invalidf("database-url", "is not a URL; %s", want)
	}
	switch target.Scheme {
	case "sqlite":
		if target.Host != "" || !strings.HasPrefix(target.Path, "/") || strings.HasSuffix(target.Path, "/") {
			return nil, fault.Invalidf("database-url", "%q names no absolute path of a file; %s", databaseURL, want)
		}
	case "postgres", "postgresql":
	default:
		return nil, fault.Invalidf("database-url", "scheme %q is not supported; %s", target.Scheme, want)
	}
	return target, nil
}

func openSQLite(target *url.URL) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(target.Path), 0o700); err != nil {
		return nil, fault.Preconditionf("the folder of the metadata database cannot be made: %v", err).WithCause(err)
	}
	writer := sql.OpenDB(&keepers{dsn: sqliteDSN(target.Path, url.Values{"_txlock": {"immediate"}})})
	writer.SetMaxOpenConns(1)
	reader := sql.OpenDB(&keepers{dsn: sqliteDSN(target.Path, url.Values{"_query_only": {"1"}, "_pragma": {"cache_size(-" + readerCache + ")"}})})
	reader.SetMaxOpenConns(max(4, runtime.NumCPU()))
	reader.SetMaxIdleConns(2)
	db := &DB{dialect: SQLite, writer: writer, reader: reader, name: target.Path}
	db.writes = newWrites(db)
	return db, nil
}

// sqliteDSN is the driver's name for a file and the settings of a connection.
func sqliteDSN(path string, settings url.Values) string {
	settings.Set("_busy_timeout", busyTimeout)
	settings.Set("_journal_mode", "WAL")
	settings.Set("_synchronous", "FULL")
	settings.Set("_foreign_keys", "1")
	settings.Set("_dqs", "0")
	return (&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String()
}

func openPostgres(target *url.URL) (*DB, error) {
	pool, err := sql.Open("pgx", target.String())
	if err != nil {
		return nil, fault.Invalidf("database-url", "is not understood by the PostgreSQL driver").WithCause(err)
	}
	pool.SetMaxOpenConns(max(8, 4*runtime.NumCPU()))
	pool.SetMaxIdleConns(4)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{dialect: Postgres, writer: pool, reader: pool, name: target.Host + target.Path}, nil
}
