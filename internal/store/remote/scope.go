package remote

import (
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Caller is who calls a server, and the keys it may touch: a name that ends in a
// slash stands for all keys below it, any other for that key alone.
type Caller struct {
	Name  string   // unique among callers: leases belong to names
	Read  []string // to read, list and watch
	Write []string // to write and delete
	Check []string // whose revision a commit may ask for, beside those to read
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
		case !op.Check && under(op.Key, c.Write):
		default:
			return fault.New(fault.Denied, "%s may not write %q", c.Name, op.Key).WithReason("KEY_DENIED")
		}
	}
	return nil
}

// under reports whether a key, or all keys with a prefix, are among what names stand for.
func under(key string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return key == name || strings.HasSuffix(name, "/") && strings.HasPrefix(key, name)
	})
}
