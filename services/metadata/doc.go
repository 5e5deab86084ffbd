// Package metadata is the service that knows what was made from what, and keeps
// what has finished.
//
// MetadataService holds artifacts, the executions that read and wrote them and
// the events between, and walks lineage over them. ArchiveService holds the
// records of finished resources for the services that own them, so that the
// live store stays small; it does not interpret them.
//
// All of it is in one SQL database, SQLite or PostgreSQL, which this service
// alone reads and writes. It owns no keys of the live store and publishes no
// events. It hears those of runs, from where it last was, and keeps their contexts
// and tracked runs by them (package feed). Any number of replicas may serve one PostgreSQL database;
// a SQLite file belongs to one process.
//
// Every write is one transaction that is on the disk before it is answered, and
// every write may be repeated: after a crash a caller that does not know whether
// it was answered simply asks again.
package metadata
