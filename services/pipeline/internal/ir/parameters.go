package ir

import "time"

// CheckParameters checks the parameters given for a run against the inputs of
// the root and returns them with the defaults filled in; an optional parameter
// with neither is absent. Violations have the path
// runtime_config.parameters.<name>.
func CheckParameters(spec *Spec, given map[string]any) (map[string]any, error) { panic("soon") }

// Macros are what [[...]] in a run's string parameters stands for.
type Macros struct {
	RunID     string
	Now       time.Time // [[CurrentTime]]
	Scheduled time.Time // [[ScheduledTime]]; zero leaves it as it is
	Index     int64     // [[Index]] of a recurring run; 0 leaves it as it is
}

// Expand replaces the macros in every string parameter and returns a new map.
func (m Macros) Expand(parameters map[string]any) map[string]any { panic("soon") }
