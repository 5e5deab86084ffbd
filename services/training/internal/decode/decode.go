// Package decode reads JSON values into Go structs and says everything that does
// not fit, by path: values of a wrong type are wrong, fields that no struct has are
// warned of. encoding/json stops at the first, and knows no paths of maps.
//
// Struct fields are found by their json tags. A tag `honoured:"no"` marks fields that
// have no effect here: they are warned of when set. Numbers are json.Number.
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

// Scalar is a value that may be spelt as a string, a number or a truth value, such
// as a quantity.
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
		p.Invalid(path, typeName(value), "must be of type "+name)
	}
	return found, ok
}

func scalar(value any, to reflect.Value, path string, p *field.Problems) {
	switch v := value.(type) {
	case string:
		to.SetString(v)
	case json.Number:
		to.SetString(v.String())
	case bool:
		to.SetString(strconv.FormatBool(v))
	default:
		p.Invalid(path, typeName(value), "must be of type string or integer")
	}
}

func integer(value any, to reflect.Value, path string, p *field.Problems) {
	number, ok := typed[json.Number](value, "integer", path, p)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(number.String(), 10, to.Type().Bits())
	if err != nil {
		p.Invalid(path, number, fmt.Sprintf("must be an integer of %d bits", to.Type().Bits()))
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
			into(object[name], to.FieldByIndex(i), at, p)
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
