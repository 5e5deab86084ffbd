package kube

import "strings"

// plainly is a strategic merge patch of a resource whose lists are all taken as a whole:
// what it says of the order of lists means nothing then. Its other directives are refused
// rather than taken for fields.
func plainly(patch map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for name, value := range patch {
		switch {
		case strings.HasPrefix(name, "$setElementOrder/"), name == "$retainKeys":
			continue
		case strings.HasPrefix(name, "$"):
			return nil, badRequest("the directive %q of a strategic merge patch is not known here: send a merge patch (kubectl patch --type merge)", name)
		}
		if inner, ok := value.(map[string]any); ok {
			var err error
			if value, err = plainly(inner); err != nil {
				return nil, err
			}
		}
		out[name] = value
	}
	return out, nil
}
