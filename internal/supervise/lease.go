package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
)

// Lease says until when commands may run: the agent of a node that has joined others
// holds what it runs only for as long as it is heard of, because then the same is started
// elsewhere. It is a file, which the agent writes and the supervisors, and the tethers of
// containers, keep to, so that a command does not outlive it whether its agent was killed,
// was stopped, hangs or is cut off.
//
// A lease has a term, and a command belongs to one: once that is over the command has
// ended for good, even if the node has a lease again before its supervisor has looked.
type Lease struct {
	// Boot is the start of the machine that the times are of.
	Boot string
	// Term names the time during which the node was never held for lost.
	Term string
	// Until is when commands are killed.
	Until boottime.Instant
	// End is when they must be gone. A supervisor that stands still is killed by the
	// kernel half way between Until and End, and its commands with it.
	End boottime.Instant
}

// NewLease is a lease of this start of the machine.
func NewLease(term string, until, end boottime.Instant) Lease {
	return Lease{Boot: boottime.ID(), Term: term, Until: until, End: end}
}

// Write puts the lease into a file, as a whole. Whoever runs under it may read it.
func (l Lease) Write(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o644); err != nil { // #nosec G306 -- no secret
		return fmt.Errorf("write lease: %w", err)
	}
	if err := os.Chmod(next, 0o644); err != nil { // #nosec G302 -- whatever the umask is
		return fmt.Errorf("write lease: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	return nil
}

// ReadLease reads a lease. One that is missing, cannot be understood, or is of an
// earlier start of the machine is that of no term, and has ended.
func ReadLease(path string) Lease {
	text, err := os.ReadFile(path)
	var l Lease
	if err != nil || json.Unmarshal(text, &l) != nil || l.Boot != boottime.ID() {
		return Lease{}
	}
	return l
}

// Left is for how long commands of a term may still run.
func (l Lease) Left(term string, now boottime.Instant) time.Duration {
	if term == "" || l.Term != term {
		return 0
	}
	return max(0, l.Until.Sub(now))
}

// LastResort is when a supervisor is killed that still has commands under the lease and
// has not looked at it since.
func (l Lease) LastResort() boottime.Instant { return l.Until.Add(l.End.Sub(l.Until) / 2) }
