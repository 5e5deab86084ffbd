package sqlstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Reasons of faults that say why a database cannot be used.
const (
	Locked      = "DATABASE_LOCKED"       // another process holds the SQLite file
	Damaged     = "DATABASE_DAMAGED"      // the file is no sound SQLite database
	NotWritable = "DATABASE_NOT_WRITABLE" // the file or its folder may not be written
	TooNew      = "SCHEMA_TOO_NEW"        // a newer kfmesh migrated it
)

// fail turns a driver's error into a fault. Faults pass unchanged, nil stays nil.
func (db *DB) fail(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Canceled, "the request ended before the metadata database answered").WithCause(err)
	}
	if cause, ok := errors.AsType[*sqlite.Error](err); ok {
		return db.failSQLite(cause)
	}
	if cause, ok := errors.AsType[*pgconn.PgError](err); ok {
		return db.failPostgres(cause)
	}
	if db.dialect == Postgres { // the driver's other errors are about the connection
		return fault.Unavailablef("the metadata database %s cannot be reached", db.name).WithCause(err)
	}
	return fault.Internalf(err, "the metadata database failed")
}

// failSQLite reads a result code; see https://www.sqlite.org/rescode.html. The
// low byte is the primary code.
func (db *DB) failSQLite(err *sqlite.Error) error {
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fault.Unavailablef("the metadata database %s is locked by another process: "+
			"stop what uses it, or wait", db.name).WithReason(Locked).WithCause(err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fault.Preconditionf("the metadata database %s is damaged or is not a SQLite file: "+
			"put a backup in its place, or move it away to start afresh", db.name).WithReason(Damaged).WithCause(err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH:
		return fault.Preconditionf("the metadata database %s cannot be opened for writing: "+
			"check that it is a file and who owns it and its folder", db.name).WithReason(NotWritable).WithCause(err)
	case sqlite3.SQLITE_FULL:
		return fault.Exhaustedf("no space is left on the disk of the metadata database %s", db.name).WithCause(err)
	case sqlite3.SQLITE_INTERRUPT:
		return fault.New(fault.Canceled, "the request ended before the metadata database answered").WithCause(err)
	}
	return fault.Internalf(err, "the metadata database failed")
}

// failPostgres reads a SQLSTATE, whose first two characters are its class; see
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func (db *DB) failPostgres(err *pgconn.PgError) error {
	switch err.Code {
	case "40001", "40P01", "23505", "23503": // serialization, deadlock, unique and foreign keys: another was first
		return fault.Conflictf("the metadata changed meanwhile").WithCause(err)
	case "57014": // query_canceled
		return fault.New(fault.Canceled, "the request ended before the metadata database answered").WithCause(err)
	case "42501": // insufficient_privilege
		return fault.Preconditionf("the user of the metadata database %s may not do this: %s", db.name, err.Message).WithCause(err)
	}
	switch err.Code[:2] {
	case "08", "57": // connection exception, operator intervention
		return fault.Unavailablef("the metadata database %s cannot be reached", db.name).WithCause(err)
	case "28", "3D": // invalid authorization, no such database
		return fault.Preconditionf("the metadata database %s refuses the connection: %s", db.name, err.Message).WithCause(err)
	case "53": // insufficient resources
		return fault.Exhaustedf("the metadata database %s has no room: %s", db.name, err.Message).WithCause(err)
	}
	return fault.Internalf(err, "the metadata database failed")
}
