package cli

import (
	"encoding/json"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// annotationUnsatisfiable says of a job what it does when it asks for more than there is.
const annotationUnsatisfiable = "kfmesh.dev/when-unsatisfiable"

// whenUnsatisfiable annotates jobs, unless what is empty.
func whenUnsatisfiable(all []manifest.Manifest, what string) error {
	switch what {
	case "":
		return nil
	case "wait", "fail":
	default:
		return fault.Invalidf("--when-unsatisfiable", "is %q; give wait or fail", what)
	}
	for i, m := range all {
		if !strings.HasSuffix(m.Kind, "Job") {
			continue
		}
		object := map[string]any{}
		decoder := json.NewDecoder(strings.NewReader(m.JSON))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil {
			return fault.Invalidf(m.Place, "is not an object: %v", err)
		}
		below(below(object, "metadata"), "annotations")[annotationUnsatisfiable] = what
		changed, err := json.Marshal(object)
		if err != nil {
			return err
		}
		all[i].JSON = string(changed)
	}
	return nil
}

// below is the object that another has under a name, which is made if there is none.
func below(object map[string]any, name string) map[string]any {
	inner, ok := object[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[name] = inner
	}
	return inner
}
