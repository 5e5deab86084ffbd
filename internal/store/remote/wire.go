package remote

import (
	"context"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// messageBytes is about how much one message of a list or a watch holds. A commit
// is never cut, so a message may be larger.
const messageBytes = 1 << 20

func entryOf(e *doorv1.Entry) store.Entry {
	return store.Entry{Key: e.GetKey(), Value: e.GetValue(), Revision: e.GetRevision(), CreateRevision: e.GetCreateRevision()}
}

func wireEntry(e store.Entry) *doorv1.Entry {
	return &doorv1.Entry{Key: e.Key, Value: e.Value, Revision: e.Revision, CreateRevision: e.CreateRevision}
}

func wireOps(ops []store.Op) []*doorv1.Op {
	out := make([]*doorv1.Op, len(ops))
	for i, op := range ops {
		w := &doorv1.Op{Key: op.Key, Delete: op.Delete, Check: op.Check, Expect: op.Expect}
		if !op.Delete && !op.Check {
			w.Value = op.Value
		}
		if op.Lease != nil {
			w.Lease = op.Lease.ID()
		}
		out[i] = w
	}
	return out
}

func opOf(w *doorv1.Op) store.Op {
	op := store.Op{Key: w.GetKey(), Value: w.GetValue(), Delete: w.GetDelete(), Check: w.GetCheck(), Expect: w.GetExpect()}
	if w.GetLease() != 0 {
		op.Lease = held(w.GetLease())
	}
	return op
}

func changeOf(c *doorv1.Change) store.Change {
	return store.Change{Entry: entryOf(c.GetEntry()), Deleted: c.GetDeleted(), Prev: c.Prev}
}

func wireChanges(changes []store.Change) []*doorv1.Change {
	out := make([]*doorv1.Change, len(changes))
	for i, c := range changes {
		out[i] = &doorv1.Change{Entry: wireEntry(c.Entry), Deleted: c.Deleted, Prev: c.Prev}
	}
	return out
}

// pages cuts a list into messages.
func pages(entries []store.Entry) [][]store.Entry {
	var out [][]store.Entry
	begun, size := 0, 0
	for i, e := range entries {
		if size += len(e.Key) + len(e.Value); size >= messageBytes {
			out = append(out, entries[begun:i+1])
			begun, size = i+1, 0
		}
	}
	return append(out, entries[begun:])
}

// batches cuts changes into messages, between commits alone: a watch that goes on
// after a commit's revision must have seen all of it.
func batches(changes []store.Change) [][]store.Change {
	var out [][]store.Change
	begun, size := 0, 0
	for i, c := range changes {
		size += len(c.Key) + len(c.Value) + len(c.Prev)
		last := i == len(changes)-1
		if last || size >= messageBytes && changes[i+1].Revision != c.Revision {
			out = append(out, changes[begun:i+1])
			begun, size = i+1, 0
		}
	}
	return out
}

// held is a lease that a caller holds, as a backend's ops name it.
type held int64

// ID implements store.Lease.
func (h held) ID() int64 { return int64(h) }

// Done implements store.Lease; nobody asks it here.
func (held) Done() <-chan struct{} { return nil }

// Revoke implements store.Lease; nobody asks it here.
func (held) Revoke(context.Context) error { return nil }
