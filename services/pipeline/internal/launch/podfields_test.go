package launch

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
)

// idle are the fields that have nothing to say here: what they are about does not
// exist, or is so whatever they say. docs/kubernetes.md says so of each.
var idle = []string{
	"tolerations.tolerationSeconds",              // of NoExecute, which no taint has
	"tolerations.operator",                       // it is Equal here, which is meant without
	"genericEphemeralVolume.accessModes",         // the step alone uses it
	"genericEphemeralVolume.defaultStorageClass", // a directory has no class
	"genericEphemeralVolume.volumeName",          // names inside a pod, which nothing refers to
	"emptyDirMounts.volumeName",
	"enabledSharedMemory.volumeName",
}

// TestNoFieldOfAPodIsDropped takes each field of a platform spec that has all of
// them away and looks whether the step that comes of it differs. One that makes no
// difference must be part of what a warning is about. That the spec has all fields
// is checked against the SDK, in test/e2e/test_platform.py.
func TestNoFieldOfAPodIsDropped(t *testing.T) {
	content, err := os.ReadFile("testdata/pod_fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(content, &whole); err != nil {
		t.Fatal(err)
	}
	delete(whole["nodeSelector"].(map[string]any), "nodeSelectorJson") // it wins over labels: TestPod has both
	if whole["nodeAffinity"] = whole["nodeAffinity"].([]any)[:1]; len(outcome(t, whole)) < 100 {
		t.Fatalf("the whole is %s", outcome(t, whole))
	}
	for field, value := range whole {
		walk(value, field, func(path string, without func() func()) {
			before := outcome(t, whole)
			restore := without()
			after := outcome(t, whole)
			restore()
			quiet := slices.ContainsFunc(idle, func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+".") })
			if (before == after) != (quiet || warnedWhole(path)) {
				t.Errorf("%s: the step is the same without it: %v", path, before == after)
			}
		})
	}
}

// warnedWhole reports whether a field is part of one of which a warning says that
// it was ignored, whatever is in it.
func warnedWhole(path string) bool {
	return strings.HasPrefix(path, "podAffinity.") || strings.HasPrefix(path, "genericEphemeralVolume.metadata.")
}

// walk visits every leaf: its path without list indexes and constants, and what
// takes it away and puts it back.
func walk(value any, path string, visit func(path string, without func() func())) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			child := v[key]
			if _, composite := child.(map[string]any); composite {
				walk(child, path+"."+key, visit)
				continue
			}
			if list, ok := child.([]any); ok && len(list) > 0 {
				if _, composite := list[0].(map[string]any); composite {
					walk(child, path+"."+key, visit)
					continue
				}
			}
			visit(path+"."+key, func() func() {
				delete(v, key)
				return func() { v[key] = child }
			})
		}
	case []any:
		for _, child := range v {
			walk(child, path, visit)
		}
	}
}

// outcome is all that a platform spec makes of a step.
func outcome(t *testing.T, pod map[string]any) string {
	t.Helper()
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Build(podRequest(t, string(text), map[string]any{"claim": "d", "make.name": "e"}))
	if err != nil {
		return "refused: " + err.Error()
	}
	return fmt.Sprint(protojson.Format(template(l.Pod)), l.Pod.Labels, l.Pod.Annotations, l.Pod.Deadline, l.Pod.Warnings)
}
