package ir

// Validate says everything that is wrong with a spec as one fault.Invalid with
// the path of each field, and nil when a run of it can be started.
func Validate(spec *Spec) error { panic("soon") }
