package main

import (
	"regexp"
	"strings"
)

// verdict is how two answers compare.
type verdict int

const (
	agree     verdict = iota // both accept, or both refuse for the same fields
	agreeElse                // both refuse, and name other fields
	laxer                    // only upstream refuses
	stricter                 // only kfmesh refuses
)

var verdicts = []string{"agree", "agree, of other fields", "only upstream refuses", "only kfmesh refuses"}

func (v verdict) String() string { return verdicts[v] }

// inRuntime begins paths of what is made of a runtime.
const inRuntime = "runtime."

// compare compares what upstream says with what kfmesh says.
func compare(upstream, kfmesh answer) verdict {
	switch {
	case len(upstream) == 0 && len(kfmesh) == 0:
		return agree
	case len(upstream) == 0:
		return stricter
	case len(kfmesh) == 0:
		return laxer
	}
	for _, u := range upstream {
		if strings.HasPrefix(u.path, inRuntime) {
			continue // what is wrong with a TrainJob's pods upstream says of its JobSet, kfmesh where the job says it
		}
		if u.path != "" && !named(u.path, kfmesh) {
			return agreeElse
		}
	}
	return agree
}

// named reports whether an answer names a field, or one right above or below it: some checks blame an object for what
// it lacks, others the field that is not there.
func named(path string, by answer) bool {
	for _, r := range by {
		if strings.EqualFold(element.ReplaceAllString(path, ""), element.ReplaceAllString(r.path, "")) || // some checks do not say which element
			strings.EqualFold(path, r.path) || near(path, r.path) || near(r.path, path) {
			return true
		}
	}
	return false
}

var element = regexp.MustCompile(`\[\d+\]`)

// near reports whether a path is another, or at most one step below it.
func near(path, other string) bool {
	if !strings.HasPrefix(path, other) {
		return false
	}
	rest := strings.TrimPrefix(path[len(other):], ".")
	return !strings.ContainsAny(strings.TrimPrefix(rest, "["), ".[")
}
