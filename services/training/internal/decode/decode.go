// Package decode reads JSON values into Go structs and says everything that does
// not fit, by path: values of a wrong type are wrong, fields that no struct has are
// warned of. encoding/json stops at the first, and knows no paths of maps.
//
// Struct fields are found by their json tags. Further tags say what a Kubernetes schema
// says: `needed:"yes"` that a field must be there, `unique:"a,b=TCP"` that no two elements
// of a list may have the same a and b, which is TCP when it is missing. `honoured:"no"`
// marks fields that have no effect here: they are warned of when set. Numbers are
// json.Number.
//
// The package is pure.
package decode

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// Scalar is a value that may be spelt as a string or a whole number, such as a quantity
// or a port.
type Scalar string

// Into reads a value, as encoding/json gives it with UseNumber, into what to points to.
func Into(value, to any, path string, problems *field.Problems) {
	into(value, reflect.ValueOf(to).Elem(), path, problems)
}

func into(value any, to reflect.Value, path string, p *field.Problems) {
	if value == nil {
		return // as in Kubernetes, null is "not set"
	}
	if to.Type() == reflect.TypeFor[Scalar]() {
		scalar(value, to, path, p)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		into(value, to.Elem(), path, p)
	case reflect.Struct:
		structure(value, to, path, p)
	case reflect.Map:
		mapping(value, to, path, p)
	case reflect.Slice:
		list(value, to, path, p)
	case reflect.Interface:
		to.Set(reflect.ValueOf(value))
	case reflect.String:
		if text, ok := typed[string](value, "string", path, p); ok {
			to.SetString(text)
		}
	case reflect.Bool:
		if truth, ok := typed[bool](value, "boolean", path, p); ok {
			to.SetBool(truth)
		}
	case reflect.Int32, reflect.Int64:
		integer(value, to, path, p)
	default:
		panic("decode: a struct with a field of kind " + to.Kind().String())
	}
}

// typed returns a value of a type, or says that it is of another.
func typed[T any](value any, name, path string, p *field.Problems) (T, bool) {
	found, ok := value.(T)
	if !ok {
		p.Mistyped(path, typeName(value), "must be of type "+name)
	}
	return found, ok
}

func scalar(value any, to reflect.Value, path string, p *field.Problems) {
	switch v := value.(type) {
	case string:
		if v == "" {
			p.Mistyped(path, v, "must not be empty")
		}
		to.SetString(v)
		return
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			to.SetString(v.String())
			return
		}
	}
	p.Mistyped(path, typeName(value), "must be of type string or integer")
}

func integer(value any, to reflect.Value, path string, p *field.Problems) {
	number, ok := typed[json.Number](value, "integer", path, p)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(number.String(), 10, to.Type().Bits())
	if err != nil {
		p.Mistyped(path, number, fmt.Sprintf("must be an integer of %d bits", to.Type().Bits()))
		return
	}
	to.SetInt(n)
}

func structure(value any, to reflect.Value, path string, p *field.Problems) {
	object, ok := typed[map[string]any](value, "object", path, p)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := join(path, name)
		i, known := index(to.Type(), name)
		switch {
		case !known:
			p.Warn("unknown field %q", at)
		case object[name] == nil:
		default:
			if to.Type().FieldByIndex(i).Tag.Get("honoured") == "no" && !empty(object[name]) {
				p.Warn("%s has no effect here", at)
			}
			if keys := to.Type().FieldByIndex(i).Tag.Get("unique"); keys != "" {
				unique(object[name], keys, at, p)
			}
			into(object[name], to.FieldByIndex(i), at, p)
		}
	}
	needed(object, to.Type(), path, p)
}

// needed says which fields are missing that must be there.
func needed(object map[string]any, t reflect.Type, path string, p *field.Problems) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch name := f.Tag.Get("json"); {
		case f.Anonymous:
			needed(object, f.Type, path, p)
		case f.Tag.Get("needed") == "yes" && object[name] == nil:
			p.Required(join(path, name), "")
		}
	}
}

// index finds the field of a struct, or of one embedded in it, with a name.
func index(t reflect.Type, name string) ([]int, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == name {
			return []int{i}, true
		}
		if !f.Anonymous {
			continue
		}
		if below, ok := index(f.Type, name); ok {
			return append([]int{i}, below...), true
		}
	}
	return nil, false
}

func mapping(value any, to reflect.Value, path string, p *field.Problems) {
	object, ok := typed[map[string]any](value, "object", path, p)
	if !ok {
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if object[name] == nil {
			continue // as a field that is null
		}
		element := reflect.New(to.Type().Elem()).Elem()
		into(object[name], element, path+"["+name+"]", p)
		to.SetMapIndex(reflect.ValueOf(name).Convert(to.Type().Key()), element)
	}
}

func list(value any, to reflect.Value, path string, p *field.Problems) {
	array, ok := typed[[]any](value, "array", path, p)
	if !ok {
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(array), len(array)))
	for i, element := range array {
		if element == nil && to.Type().Elem().Kind() != reflect.Interface {
			p.Mistyped(path+"["+strconv.Itoa(i)+"]", "null", "must be of type "+kindName(to.Type().Elem()))
			continue
		}
		into(element, to.Index(i), path+"["+strconv.Itoa(i)+"]", p)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// empty reports whether a value says nothing.
func empty(value any) bool {
	switch v := value.(type) {
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

// kindName is what a schema calls a type.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Slice:
		return "array"
	}
	return "object"
}

func typeName(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return strings.ToLower(fmt.Sprintf("%T", value))
}
