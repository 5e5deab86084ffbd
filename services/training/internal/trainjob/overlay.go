package trainjob

import "slices"

// keys are the lists whose elements are laid over one another by a field of theirs.
// Other lists are replaced.
var keys = map[string]string{
	"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "imagePullSecrets": "name", "volumeMounts": "mountPath",
}

// overlay lays an object over another, as a strategic merge patch is: what both are
// objects in is merged, and what both are lists in by key; null removes.
func overlay(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for name, value := range base {
		out[name] = value
	}
	for name, value := range over {
		switch v := value.(type) {
		case nil:
			delete(out, name)
		case map[string]any:
			below, _ := out[name].(map[string]any)
			out[name] = overlay(below, v)
		case []any:
			below, _ := out[name].([]any)
			out[name] = overlayList(below, v, name)
		default:
			out[name] = v
		}
	}
	return out
}

func overlayList(base, over []any, name string) []any {
	if name == "tolerations" || name == "envFrom" {
		return append(slices.Clip(base), over...)
	}
	key, keyed := keys[name]
	if !keyed {
		return over
	}
	out := slices.Clone(base)
	for _, element := range over {
		of, _ := element.(map[string]any)
		i := slices.IndexFunc(out, func(other any) bool {
			o, _ := other.(map[string]any)
			return of != nil && o != nil && of[key] != nil && o[key] == of[key]
		})
		switch {
		case i < 0:
			out = append(out, element)
		case name == "env": // a value takes the place of a source, and the other way round
			out[i] = element
		default:
			below, _ := out[i].(map[string]any)
			out[i] = overlay(below, of)
		}
	}
	return out
}
