package ir

import (
	"maps"
	"slices"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Large stands for the value of a parameter that is too large to be handed about
// with the others, wherever its content does not matter. It is in the place of the
// value, or in a list of such values, or in a list of lists; nowhere else. It never
// changes, and those of one digest are one value.
type Large struct {
	Digest    string // of the value as JSON, "sha256:<hex>"
	Bytes     int64  // of that JSON
	Beginning string // of that JSON, for people
}

// MarshalJSON implements json.Marshaler by refusing: whoever writes a value needs
// the value.
func (*Large) MarshalJSON() ([]byte, error) {
	return nil, fault.Internalf(nil, "a large value was not read before it was written")
}

// Load reads the value that a Large stands for.
type Load func(*Large) (any, error)

// Value returns a value, read if it is kept apart. What it holds is left as it is.
func (load Load) Value(value any) (any, error) {
	large, is := value.(*Large)
	switch {
	case !is:
		return value, nil
	case load == nil:
		return nil, fault.Internalf(nil, "there is nowhere to read a large value from")
	}
	return load(large)
}

// Whole returns a value with all that is kept apart read in.
func (load Load) Whole(value any) (any, error) {
	if !HoldsLarge(value) {
		return value, nil
	}
	list, is := value.([]any)
	if !is {
		return load.Value(value)
	}
	whole := make([]any, len(list))
	for i, entry := range list {
		var err error
		if whole[i], err = load.Whole(entry); err != nil {
			return nil, err
		}
	}
	return whole, nil
}

// Parameters returns parameters of which those that are wanted are whole. The map
// is shared when there is nothing to read.
func (load Load) Parameters(parameters map[string]any, wanted func(name string) bool) (map[string]any, error) {
	var whole map[string]any
	for name, value := range parameters {
		if !HoldsLarge(value) || !wanted(name) {
			continue
		}
		value, err := load.Whole(value)
		if err != nil {
			return nil, err
		}
		if whole == nil {
			whole = maps.Clone(parameters)
		}
		whole[name] = value
	}
	if whole == nil {
		return parameters, nil
	}
	return whole, nil
}

// HoldsLarge reports whether a value, or part of it, is kept apart.
func HoldsLarge(value any) bool {
	switch v := value.(type) {
	case *Large:
		return true
	case []any:
		return slices.ContainsFunc(v, HoldsLarge)
	}
	return false
}
