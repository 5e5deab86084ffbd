package ir

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// decoder fills the types of the model from what JSON or YAML made and collects
// every mismatch with its path, where encoding/json stops at the first and
// names no map key. Fields may be spelled in lowerCamelCase or snake_case, as
// in any protobuf JSON. Fields that the model does not know are left out:
// a newer SDK may write more than this package reads.
type decoder struct {
	fields     map[reflect.Type]map[string]int
	violations []fault.Violation
}

func newDecoder() *decoder {
	return &decoder{fields: map[reflect.Type]map[string]int{}}
}

// decode fills the value that target points to.
func (d *decoder) decode(from, target any, path string) {
	d.fill(from, reflect.ValueOf(target).Elem(), path)
}

func (d *decoder) fill(from any, to reflect.Value, path string) {
	if from == nil {
		return // null is the same as absent, as in protobuf JSON
	}
	if to.Kind() == reflect.Interface {
		to.Set(reflect.ValueOf(from))
		return
	}
	switch to.Addr().Interface().(type) {
	case *Int:
		d.fillInt(from, to, path)
		return
	case *Duration:
		d.fillDuration(from, to, path)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.fill(from, to.Elem(), path)
	case reflect.Struct:
		d.fillStruct(from, to, path)
	case reflect.Map:
		d.fillMap(from, to, path)
	case reflect.Slice:
		d.fillSlice(from, to, path)
	default:
		d.fillScalar(from, to, path)
	}
}

func (d *decoder) fillStruct(from any, to reflect.Value, path string) {
	m, ok := from.(map[string]any)
	if !ok {
		d.mismatch(path, "a mapping", from)
		return
	}
	index := d.index(to.Type())
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if i, known := index[key]; known {
			d.fill(m[key], to.Field(i), join(path, key))
		}
	}
	switch v := to.Addr().Interface().(type) {
	case *ParameterDef:
		_, camel := m["defaultValue"]
		_, snake := m["default_value"]
		v.HasDefault = camel || snake
	case *Pod:
		v.Unknown = unknown(m, index)
	}
}

// unknown returns the keys that have no field, sorted.
func unknown(m map[string]any, index map[string]int) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if _, known := index[key]; !known {
			keys = append(keys, key)
		}
	}
	return keys
}

func (d *decoder) fillMap(from any, to reflect.Value, path string) {
	m, ok := from.(map[string]any)
	if !ok {
		d.mismatch(path, "a mapping", from)
		return
	}
	to.Set(reflect.MakeMapWithSize(to.Type(), len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v := reflect.New(to.Type().Elem()).Elem()
		d.fill(m[key], v, join(path, key))
		to.SetMapIndex(reflect.ValueOf(key), v)
	}
}

func (d *decoder) fillSlice(from any, to reflect.Value, path string) {
	list, ok := from.([]any)
	if !ok {
		d.mismatch(path, "a list", from)
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
	for i, item := range list {
		d.fill(item, to.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) fillScalar(from any, to reflect.Value, path string) {
	switch v := from.(type) {
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return
		}
	case bool:
		if to.Kind() == reflect.Bool {
			to.SetBool(v)
			return
		}
	case float64:
		if to.Kind() == reflect.Float64 {
			to.SetFloat(v)
			return
		}
		// An unquoted number where text belongs, such as "sdkVersion: 2" or an argument.
		if to.Kind() == reflect.String {
			to.SetString(strconv.FormatFloat(v, 'f', -1, 64))
			return
		}
	}
	names := map[reflect.Kind]string{reflect.String: "text", reflect.Bool: "true or false", reflect.Float64: "a number"}
	d.mismatch(path, names[to.Kind()], from)
}

func (d *decoder) fillInt(from any, to reflect.Value, path string) {
	f, isNumber := from.(float64)
	if s, isText := from.(string); isText {
		parsed, err := strconv.ParseFloat(s, 64)
		f, isNumber = parsed, err == nil
	}
	if !isNumber || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		d.mismatch(path, "a whole number", from)
		return
	}
	to.SetInt(int64(f))
}

func (d *decoder) fillDuration(from any, to reflect.Value, path string) {
	s, _ := from.(string)
	v, err := time.ParseDuration(s)
	if err != nil || !strings.HasSuffix(s, "s") {
		d.mismatch(path, `a duration in seconds such as "30s"`, from)
		return
	}
	to.SetInt(int64(v))
}

func (d *decoder) mismatch(path, want string, got any) {
	reason := fmt.Sprintf("must be %s, is %s", want, kindOf(got))
	d.violations = append(d.violations, fault.Violation{Field: path, Reason: reason})
}

// index maps both spellings of each field of a struct to its position.
func (d *decoder) index(t reflect.Type) map[string]int {
	if index, ok := d.fields[t]; ok {
		return index
	}
	index := map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("json"); name != "-" {
			index[name] = i
			index[snake(name)] = i
		}
	}
	d.fields[t] = index
	return index
}

func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// kindOf names the kind of a value for a message.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return strconv.Quote(shorten(v))
	case []any:
		return "a list"
	default:
		return "a mapping"
	}
}

// shorten keeps a quoted value readable in a message.
func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
