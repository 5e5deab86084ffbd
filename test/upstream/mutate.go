package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// manifest is one to be asked about.
type manifest struct {
	name   string // where it comes from, and what was done to it
	path   string // of what was changed; empty for a seed
	change string // what was done; empty for a seed
	object map[string]any
}

// variants are a seed and everything that becomes of it when one value is changed.
func variants(name string, seed map[string]any) []manifest {
	all := []manifest{{name: name, object: seed}}
	walk(seed, nil, func(at []any, value any) {
		path := spelt(at)
		if path == "apiVersion" || path == "kind" || path == "metadata" || path == "metadata.namespace" || path == "spec" {
			return
		}
		_, element := at[len(at)-1].(int)
		for _, c := range changes(value) {
			if element && c.value == (gone{}) {
				continue // the list would be another
			}
			object := copied(seed).(map[string]any)
			set(object, at, c.value)
			all = append(all, manifest{name: name + ": " + path + " " + c.name, path: path, change: c.name, object: object})
		}
	})
	return all
}

// change is a value in the place of another.
type change struct {
	name  string
	value any
}

// gone is the value of a field that is left out.
type gone struct{}

var long = strings.Repeat("a", 64)

// changes are what may be done to a value.
func changes(value any) []change {
	all := []change{{"is left out", gone{}}, {"is null", nil}}
	switch v := value.(type) {
	case string:
		for _, text := range []string{"", "-x", "Upper_Case", "of two words!", "9", long, strings.Repeat(long, 5)} {
			if text != v {
				all = append(all, change{fmt.Sprintf("is %.12q", text), text})
			}
		}
		all = append(all, change{"is a number", int64(7)}, change{"is an object", map[string]any{}})
	case int64:
		for _, n := range []int64{-1, 0, 1, 2, 65536, 5_000_000_000} {
			if n != v {
				all = append(all, change{fmt.Sprint("is ", n), n})
			}
		}
		all = append(all, change{"is a fraction", 1.5}, change{"is text", "many"})
	case bool:
		all = append(all, change{"is the other", !v}, change{"is text", "yes"})
	case []any:
		all = append(all, change{"is text", "text"}, change{"is empty", []any{}})
		if len(v) > 0 {
			all = append(all, change{"has the first twice", append(copied(v).([]any), copied(v[0]))})
		}
	case map[string]any:
		all = append(all, change{"is text", "text"}, change{"is empty", map[string]any{}}, change{"has one more", with(v, "unheardOf", "x")},
			change{"has one of an odd name", with(v, "of two words!", "x")})
	}
	return all
}

func with(object map[string]any, name string, value any) map[string]any {
	out := copied(object).(map[string]any)
	out[name] = value
	return out
}

// walk calls visit for every value of an object, with where it is: names and numbers.
func walk(value any, at []any, visit func([]any, any)) {
	if len(at) > 0 {
		visit(slices.Clone(at), value)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			walk(v[name], append(at, name), visit)
		}
	case []any:
		for i, each := range v {
			walk(each, append(at, i), visit)
		}
	}
}

// set puts a value where another is.
func set(object map[string]any, at []any, value any) {
	var parent any = object
	for _, step := range at[:len(at)-1] {
		switch s := step.(type) {
		case string:
			parent = parent.(map[string]any)[s]
		case int:
			parent = parent.([]any)[s]
		}
	}
	_, remove := value.(gone)
	switch last := at[len(at)-1].(type) {
	case string:
		if remove {
			delete(parent.(map[string]any), last)
			return
		}
		parent.(map[string]any)[last] = value
	case int:
		parent.([]any)[last] = value
	}
}

func spelt(at []any) string {
	var out strings.Builder
	for _, step := range at {
		switch s := step.(type) {
		case string:
			if out.Len() > 0 {
				out.WriteString(".")
			}
			out.WriteString(s)
		case int:
			fmt.Fprintf(&out, "[%d]", s)
		}
	}
	return out.String()
}
