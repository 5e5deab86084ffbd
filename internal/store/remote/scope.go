package remote

import (
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Caller is who calls a server, and the keys it may touch. A key is named by a
// prefix of it, and by itself.
type Caller struct {
	Name  string   // unique among callers: leases belong to names
	Read  []string // of keys to read, list and watch
	Write []string // of keys to write
	Spare []string // of keys under Write that the caller must not write after all
	Check []string // of keys whose revision a commit may ask for; those to read are among them
}

// mayRead returns fault.Denied unless every key under prefix may be read.
func (c Caller) mayRead(prefix string) error {
	if under(prefix, c.Read) {
		return nil
	}
	return fault.New(fault.Denied, "%s may not read %q", c.Name, prefix).WithReason("KEY_DENIED")
}

// mayCommit returns fault.Denied when the caller may not make one of the ops.
func (c Caller) mayCommit(ops []store.Op) error {
	for _, op := range ops {
		switch {
		case op.Check && (under(op.Key, c.Check) || under(op.Key, c.Read)):
		case !op.Check && under(op.Key, c.Write) && !under(op.Key, c.Spare):
		default:
			return fault.New(fault.Denied, "%s may not write %q", c.Name, op.Key).WithReason("KEY_DENIED")
		}
	}
	return nil
}

func under(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}
