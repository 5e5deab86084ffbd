// Package schema describes manifests to those who ask how they are made up: kubectl explain,
// and whoever merges objects that several people apply. The descriptions follow from the
// structs that manifests are read into, so they say what is read, no more and no less.
//
// A schema is an OpenAPI v3 one, as Kubernetes' API servers serve them. Fields that have no
// effect here say so. Lists whose elements have keys say which, as Kubernetes' do: in those,
// elements are merged one by one.
//
// The package is pure.
package schema

import (
	"maps"
	"reflect"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
)

// Of describes what a struct, or a pointer to one, is read from.
func Of(from any) map[string]any {
	return typed(reflect.TypeOf(from), "")
}

// typed describes a type, of a field with a name.
func typed(t reflect.Type, name string) map[string]any {
	if t == reflect.TypeFor[decode.Scalar]() {
		return map[string]any{"x-kubernetes-int-or-string": true}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typed(t.Elem(), name)
	case reflect.Struct:
		properties := map[string]any{}
		fields(t, properties)
		return map[string]any{"type": "object", "properties": properties}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": typed(t.Elem(), name)}
	case reflect.Slice:
		return list(t, name)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int32:
		return map[string]any{"type": "integer", "format": "int32"}
	case reflect.Int64:
		return map[string]any{"type": "integer", "format": "int64"}
	}
	return map[string]any{"x-kubernetes-preserve-unknown-fields": true}
}

// fields describes the fields of a struct, and of those embedded in it.
func fields(t reflect.Type, to map[string]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			fields(f.Type, to)
			continue
		}
		name := f.Tag.Get("json")
		described := typed(f.Type, name)
		switch {
		case f.Tag.Get("honoured") == "no":
			described["description"] = "Has no effect here."
		case said(t, name) != "":
			described["description"] = said(t, name)
		}
		to[name] = described
	}
}

// said is what a field of a struct means.
func said(t reflect.Type, name string) string {
	if text, ok := words[t.Name()+"."+name]; ok {
		return text
	}
	return words[name]
}

// keys are those of the elements of lists, by the name of the field.
var keys = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "volumes": {"name"}, "env": {"name"}, "imagePullSecrets": {"name"},
	"volumeMounts": {"mountPath"}, "ports": {"containerPort", "protocol"}, "hostAliases": {"ip"}, "replicatedJobs": {"name"}, "dependsOn": {"name"},
	"runtimePatches": {"manager"},
}

// defaults are those of keys that may be left out.
var defaults = map[string]any{"protocol": "TCP"}

// list describes a list. Its elements have keys only where they are objects that have them.
func list(t reflect.Type, name string) map[string]any {
	items := typed(t.Elem(), "")
	out := map[string]any{"type": "array", "items": items, "x-kubernetes-list-type": "atomic"}
	properties, _ := items["properties"].(map[string]any)
	of := keys[name]
	for _, key := range of {
		described, ok := properties[key].(map[string]any)
		if !ok {
			return out
		}
		if value, ok := defaults[key]; ok {
			described["default"] = value
		}
	}
	if len(of) > 0 {
		out["x-kubernetes-list-type"], out["x-kubernetes-list-map-keys"] = "map", of
	}
	return out
}

// Undescribed are the fields, by struct and name, that have an effect and no description.
func Undescribed(from any) []string {
	missing := map[string]bool{}
	undescribed(reflect.TypeOf(from), missing, map[reflect.Type]bool{})
	return slices.Sorted(maps.Keys(missing))
}

func undescribed(t reflect.Type, missing map[string]bool, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		undescribed(t.Elem(), missing, seen)
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("honoured") == "no" {
			continue
		}
		if name := f.Tag.Get("json"); !f.Anonymous && said(t, name) == "" {
			missing[t.Name()+"."+name] = true
		}
		undescribed(f.Type, missing, seen)
	}
}
