// Package garbage decides what a node keeps no longer: Python environments and
// kept logs. It is pure: it is told what there is, and says what goes and why.
package garbage

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Retention says what is kept. Zero values keep everything.
type Retention struct {
	Logs             time.Duration // how long logs are kept after they were last written
	Environments     time.Duration // how long environments are kept after they were last used
	EnvironmentBytes int64         // how much all environments together may take
}

// Any reports whether anything goes because of its age or size.
func (r Retention) Any() bool { return r != Retention{} }

// Environment is a Python environment that is ready.
type Environment struct {
	Name  string
	Holds string // what is installed in it, for people
	Bytes int64
	Used  time.Time // when a workload was last given it
}

// Doomed is an environment that goes, and why.
type Doomed struct {
	Environment
	Reason string
}

// recent is the time for which an environment stays after it was last used: the
// workload that was given it may be about to start.
const recent = 10 * time.Minute

// EnvironmentsThatGo returns the environments that go: those unused for too
// long, and of the rest those unused longest for as long as there is too much.
// Whatever was used since a time, that of the oldest workload that still runs,
// stays: it may be what runs. A zero time means that nothing runs.
func (r Retention) EnvironmentsThatGo(all []Environment, busySince, now time.Time) []Doomed {
	total := int64(0)
	var idle []Environment
	for _, e := range all {
		total += e.Bytes
		busy := !busySince.IsZero() && !e.Used.Before(busySince)
		if !busy && now.Sub(e.Used) > recent {
			idle = append(idle, e)
		}
	}
	slices.SortFunc(idle, func(a, b Environment) int {
		return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.Name, b.Name))
	})
	var doomed []Doomed
	for _, e := range idle {
		switch unused := now.Sub(e.Used); {
		case r.Environments > 0 && unused > r.Environments:
			doomed = append(doomed, Doomed{e, fmt.Sprintf("unused for %s, and environments are kept for %s", coarse(unused), coarse(r.Environments))})
		case r.EnvironmentBytes > 0 && total > r.EnvironmentBytes:
			doomed = append(doomed, Doomed{e, fmt.Sprintf("unused longest, and all environments take more than %d bytes", r.EnvironmentBytes)})
		default:
			continue
		}
		total -= e.Bytes
	}
	return doomed
}

// LogGoes reports whether a log that was last written at a time goes, and why.
func (r Retention) LogGoes(written, now time.Time) (reason string, goes bool) {
	age := now.Sub(written)
	if r.Logs == 0 || age <= r.Logs {
		return "", false
	}
	return fmt.Sprintf("written %s ago, and logs are kept for %s", coarse(age), coarse(r.Logs)), true
}

// leftoverGrace is how long what nobody knows stays: its owner may be about to
// be known.
const leftoverGrace = time.Hour

// LeftoverGoes reports whether what nobody knows of, last written at a time,
// goes.
func LeftoverGoes(written, now time.Time) bool { return now.Sub(written) > leftoverGrace }

// strangerGrace is leftoverGrace of what may belong to another kfmesh.
const strangerGrace = 24 * time.Hour

// StrangerGoes reports whether temporary files that no process has, last written
// at a time, go although they may be another kfmesh's.
func StrangerGoes(written, now time.Time) bool { return now.Sub(written) > strangerGrace }

// coarse writes a time span in days or hours where it is long.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 4*day, d >= 2*day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.Round(time.Second).String()
}
