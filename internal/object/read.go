package object

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// read reads a manifest into what to points to, and returns what is in it that to has no
// field for, as sentences. Fields that are marked heeded:"no" are told of, too.
func read(manifest []byte, kind string, to any) ([]string, error) {
	if err := json.Unmarshal(manifest, to); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, fault.Invalidf("", "%s cannot be read: %s: found a %s; want %s", kind, wrong.Field, wrong.Value, wantOf(wrong.Type))
		}
		return nil, fault.Invalidf("", "%s cannot be read: %v", kind, err)
	}
	var all map[string]any
	if err := json.Unmarshal(manifest, &all); err != nil {
		return nil, fault.Invalidf("", "%s cannot be read: %v", kind, err)
	}
	return strangers(all, reflect.TypeOf(to).Elem(), ""), nil
}

// wantOf is a type as people call it.
func wantOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string: put it in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Slice:
		return "a list"
	}
	return "a whole number"
}

// strangers are the fields of an object that a struct has none for, and those that it has
// and nobody heeds.
func strangers(of map[string]any, t reflect.Type, path string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		f, known := fieldOf(t, name)
		switch {
		case !known:
			all = append(all, fmt.Sprintf("unknown field %q", at))
		case f.Tag.Get("heeded") == "no" && !empty(of[name]):
			all = append(all, at+" has no effect here")
		case f.Type.Kind() == reflect.Struct:
			if inner, ok := of[name].(map[string]any); ok {
				all = append(all, strangers(inner, f.Type, at)...)
			}
		}
	}
	return all
}

// fieldOf finds the field of a struct, or of one embedded in it, with a name.
func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if t.Field(i).Anonymous {
			if f, known := fieldOf(t.Field(i).Type, name); known {
				return f, true
			}
			continue
		}
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return t.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	}
	return false
}
