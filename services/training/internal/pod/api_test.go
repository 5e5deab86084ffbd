package pod

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestEveryFieldOfKubernetesIsKnown: a field that Kubernetes' own types have and ours do not would be called unknown.
// What Kubernetes has no further types for here, such as sources of volumes that are long gone, is left alone.
func TestEveryFieldOfKubernetesIsKnown(t *testing.T) {
	t.Parallel()
	known(t, "spec", reflect.TypeFor[corev1.PodSpec](), reflect.TypeFor[Spec]())
}

func known(t *testing.T, path string, theirs, ours reflect.Type) {
	t.Helper()
	theirs, ours = inner(theirs), inner(ours)
	if theirs.Kind() != reflect.Struct || ours.Kind() != reflect.Struct {
		return
	}
	for i := range theirs.NumField() {
		f := theirs.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" { // one that is embedded
			known(t, path, f.Type, ours)
			continue
		}
		own, ok := fieldOf(ours, name)
		if !ok {
			t.Errorf("%s.%s is a field of %v, and unknown here", path, name, theirs)
			continue
		}
		known(t, path+"."+name, f.Type, own)
	}
}

// inner is what a pointer points to, or what a list or map holds.
func inner(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == name {
			return f.Type, true
		}
		if f.Anonymous {
			if found, ok := fieldOf(f.Type, name); ok {
				return found, true
			}
		}
	}
	return nil, false
}
