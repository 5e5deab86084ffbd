// Package sqlstore is the SQL database under the metadata service: SQLite for
// one machine, PostgreSQL for many, the same tables and the same statements on
// both.
//
// Statements are written once, with ? for every value; a value never becomes
// part of a statement's text. What the two engines spell differently is in
// Dialect and nowhere else. Times are integers: nanoseconds since 1970, UTC, 0
// when unset. Text compares byte by byte on both engines, so an order computed
// in Go is the order the database gives.
//
// Durability. SQLite runs in WAL mode with synchronous=FULL: a commit is on the
// disk before it is answered. The archive needs that: its caller deletes the
// live copy next, and a commit that a power failure could undo would lose the
// resource. It costs one fdatasync a commit. PostgreSQL's default promises the
// same.
//
// Concurrency. A *DB is safe for concurrent use. SQLite has one writing
// connection, so writes queue in Go instead of failing on a lock, and those that
// wait are committed together: the disk bounds how long a write takes, not how
// many there are in a second. It has a pool of read-only connections besides, each
// of which sees one snapshot for as long as its transaction lasts. On PostgreSQL a
// transaction that loses a deadlock or a serialization race is run again.
package sqlstore
