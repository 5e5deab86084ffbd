package placeholder

import (
	"regexp"
	"strings"
)

// reference matches {{$}} and {{$.name...}} where the name is in lower case.
// Other things in such braces, like the {{$.Values.x}} of a Helm chart, are
// text of the user's own. Quotes may be doubled, as they are in a YAML string
// that was quoted twice.
var reference = regexp.MustCompile(`\{\{\$(?:\.[a-z][^{}]*)?\}\}`)

// segments splits a reference into its parts:
// {{$.inputs.artifacts['data'].path}} is inputs, artifacts, data, path. It
// returns nil for what cannot be split.
func segments(ref string) []string {
	rest := strings.TrimSuffix(strings.TrimPrefix(ref, "{{$"), "}}")
	var parts []string
	for rest != "" {
		var part string
		switch rest[0] {
		case '.':
			rest = rest[1:]
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			part, rest = rest[:end], rest[end:]
		case '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil
			}
			part, rest = strings.Trim(rest[1:end], `'"`), rest[end+1:]
		default:
			return nil
		}
		if part == "" {
			return nil
		}
		parts = append(parts, part)
	}
	return parts
}

// references returns the names of the input parameters that text refers to.
func references(text string) []string {
	var names []string
	for _, ref := range reference.FindAllString(text, -1) {
		if parts := segments(ref); len(parts) == 3 && parts[0] == "inputs" && parts[1] == "parameters" {
			names = append(names, parts[2])
		}
	}
	return names
}
