package arch

import "strings"

// Pattern matches an import path segment by segment. A segment "*" matches any
// one segment and remembers nothing; "{x}" matches any one segment and binds x
// to it; a last segment "..." matches any number of further segments, none
// included.
type Pattern string

// Match reports whether path matches, and what the pattern's variables were
// bound to. Variables that vars already binds must match their value.
func (p Pattern) Match(path string, vars map[string]string) (map[string]string, bool) {
	bound := make(map[string]string, len(vars))
	for name, value := range vars {
		bound[name] = value
	}
	want, have := strings.Split(string(p), "/"), strings.Split(path, "/")
	for i, segment := range want {
		if segment == "..." {
			return bound, true
		}
		if i >= len(have) || !matchSegment(segment, have[i], bound) {
			return nil, false
		}
	}
	return bound, len(want) == len(have)
}

func matchSegment(want, have string, bound map[string]string) bool {
	name, isVariable := strings.CutPrefix(want, "{")
	switch {
	case want == "*":
		return true
	case !isVariable:
		return want == have
	}
	name = strings.TrimSuffix(name, "}")
	if value, known := bound[name]; known {
		return value == have
	}
	bound[name] = have
	return true
}

// matchAny reports whether one of the patterns matches path under vars.
func matchAny(patterns []Pattern, path string, vars map[string]string) bool {
	for _, p := range patterns {
		if _, ok := p.Match(path, vars); ok {
			return true
		}
	}
	return false
}
