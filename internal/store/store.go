// Package store is kfmesh's live state: small typed values under keys, every
// write a compare-and-swap, every change watchable.
//
// A Backend holds bytes; Collection gives them a type; Cache keeps a watched
// copy in memory with indexes. Two backends pass the same conformance suite
// (storetest): Memory here, and the etcd one in store/etcd. Keys are paths
// such as "/kfmesh/pipeline/runs/<uid>", and only the service whose prefix it
// is reads or writes a key.
//
// Revisions are those of the whole store: they grow with every commit, and an
// entry's Revision is the commit that last wrote it.
package store

import (
	"context"
	"time"
)

// MaxValueBytes is the largest value a backend accepts. Larger things are blobs
// that a value names by digest.
const MaxValueBytes = 256 << 10

// ReasonFull is the reason of the fault of a store that has no room. Writes may
// succeed again when somebody has made some.
const ReasonFull = "STORE_FULL"

// AnyRevision as an expected revision skips the check.
const AnyRevision int64 = -1

// Entry is a key with its value at a revision. The value may be shared: it must
// not be changed.
type Entry struct {
	Key            string
	Value          []byte
	Revision       int64 // commit that last wrote the key
	CreateRevision int64 // commit that created the key
}

// Op is one write of a commit.
type Op struct {
	Key    string
	Value  []byte // ignored by a delete
	Delete bool
	Check  bool // only check Expect; write nothing
	// Expect is the revision the key must have: 0 for "does not exist",
	// AnyRevision for no check. A delete of a missing key with AnyRevision is
	// not an error.
	Expect int64
	// Lease, when set, deletes the key when the lease ends. A write without one
	// frees the key of the lease it was under.
	Lease Lease
}

// Change is one key's change within a commit.
type Change struct {
	Entry          // the entry after the change; of a delete, Key and Revision of the deletion
	Deleted bool   // whether the key was deleted
	Prev    []byte // the value before, nil when there was none or it is not known
}

// Backend is a store of bytes. Implementations are safe for concurrent use.
type Backend interface {
	// Get returns one entry; fault.NotFound when the key does not exist.
	Get(ctx context.Context, key string) (Entry, error)
	// List returns the entries whose keys start with prefix, in key order, and
	// the revision they were read at. The slice is the caller's.
	List(ctx context.Context, prefix string) ([]Entry, int64, error)
	// Page is List of the first entries, at most limit of them, whose keys come after a key.
	Page(ctx context.Context, prefix, after string, limit int) ([]Entry, int64, error)
	// Commit applies all ops or none and returns the new revision. It fails
	// with fault.AlreadyExists when an op that expects no key finds one, with
	// fault.Conflict when another expectation does not hold, with
	// fault.Precondition when an op's lease has ended, and as CheckOps says
	// when no store would accept the ops.
	Commit(ctx context.Context, ops ...Op) (int64, error)
	// Watch sends every change under prefix with a revision above after, in
	// order, one batch a commit or larger, with Prev where the backend still
	// knows it. The channel closes when ctx ends or when the changes asked for
	// are no longer kept; the reader then lists and watches anew.
	Watch(ctx context.Context, prefix string, after int64) (<-chan []Change, error)
	// Grant returns a lease that the backend keeps alive until it is revoked,
	// ctx ends, or the backend cannot be reached for ttl.
	Grant(ctx context.Context, ttl time.Duration) (Lease, error)
}

// Lease keeps keys in existence for as long as its holder lives.
type Lease interface {
	// ID of the lease, unique in the store.
	ID() int64
	// Done is closed once the lease has ended or can no longer be known to live.
	Done() <-chan struct{}
	// Revoke ends the lease and deletes its keys.
	Revoke(ctx context.Context) error
}
