package store

import "github.com/kfmesh/kfmesh/internal/fault"

// MaxOps is the largest number of ops a commit accepts.
const MaxOps = 100

// CheckOps returns an error when no store would accept the ops: none or too
// many of them, a key without a name or named twice, a value too large. It is
// for backends, which call it before anything else.
func CheckOps(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxOps {
		return fault.Invalidf("", "a commit has 1 to %d writes, not %d", MaxOps, len(ops))
	}
	seen := make(map[string]struct{}, len(ops))
	for _, op := range ops {
		if op.Key == "" {
			return fault.Invalidf("", "a write needs a key")
		}
		if _, twice := seen[op.Key]; twice {
			return fault.Invalidf("", "a commit writes %s twice", op.Key)
		}
		seen[op.Key] = struct{}{}
		if !op.Delete && len(op.Value) > MaxValueBytes {
			return fault.Exhaustedf("value of %s is %d bytes; the most a value may have is %d", op.Key, len(op.Value), MaxValueBytes)
		}
	}
	return nil
}

// CheckExpect returns an error when the op's expectation does not hold of a key
// last written at revision, 0 when there is no such key.
func CheckExpect(op Op, revision int64) error {
	switch {
	case op.Expect == AnyRevision || op.Expect == revision:
		return nil
	case op.Expect == 0:
		return fault.AlreadyExistsf("%s exists already", op.Key)
	case revision == 0:
		return fault.Conflictf("%s was deleted meanwhile", op.Key)
	default:
		return fault.Conflictf("%s changed meanwhile: it is at revision %d, not %d", op.Key, revision, op.Expect)
	}
}

// ErrLeaseEnded is the failure of a write under a lease that is no more.
func ErrLeaseEnded(id int64) error {
	return fault.Preconditionf("lease %x has ended", id).WithReason("LEASE_ENDED")
}
