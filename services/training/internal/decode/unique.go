package decode

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// unique says which elements of a list have the same values under all keys. A key may
// name the value that a missing one has: "protocol=TCP".
func unique(list any, keys, path string, p *field.Problems) {
	elements, ok := list.([]any)
	if !ok {
		return // which is found wrong elsewhere
	}
	seen := map[string]bool{}
	for i, each := range elements {
		object, ok := each.(map[string]any)
		if !ok {
			continue
		}
		found := identity(object, strings.Split(keys, ","))
		if seen[found] {
			p.Duplicate(path+"["+strconv.Itoa(i)+"]", json.RawMessage(found))
		}
		seen[found] = true
	}
}

// identity are the values of an object under keys, as a JSON object.
func identity(object map[string]any, keys []string) string {
	values := map[string]any{}
	for _, key := range keys {
		name, missing, _ := strings.Cut(key, "=")
		values[name] = object[name]
		if object[name] == nil {
			values[name] = missing
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "" // what was read as JSON can be written
	}
	return string(text)
}
