package tracking

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// MLflow's limits; lengths are in characters.
const (
	maxMetrics = 1000 // of a request
	maxParams  = 100
	maxTags    = 100
	maxLogged  = 1000 // metrics, parameters and tags of a request

	maxKey            = 250
	maxParamValue     = 6000
	maxTagValue       = 8000
	maxExperimentName = 500
	maxExperimentTag  = 20000
	maxLocation       = 2048
)

// badValue says that a parameter of a request has a value that will not do.
func badValue(parameter, value, why string) *fault.Error {
	message := fmt.Sprintf("Invalid value %s for parameter '%s' supplied", quoteJSON(value), parameter)
	if why == "" {
		return invalid("%s.", message)
	}
	return invalid("%s: %s", message, why)
}

// tooLong says that a text has more characters than it may.
func tooLong(what string, limit int) *fault.Error {
	return invalid("'%s' exceeds the maximum length of %d characters", what, limit)
}

// checkKey checks the name of a metric, a parameter or a tag. It may become a
// file's name, so it must be one that means itself.
func checkKey(parameter, key string) error {
	for _, r := range key {
		if !keyRune(r) {
			return badValue(parameter, key, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"+
				" spaces ( ), colon(:) and slashes (/).")
		}
	}
	if resolved := normal(key); resolved != key || resolved == "." || strings.HasPrefix(resolved, "..") || strings.HasPrefix(resolved, "/") {
		return badValue(parameter, key, "Names may be treated as files in certain cases, and must not resolve to other names"+
			" when treated as such. This name would resolve to "+quotePython(resolved))
	}
	return nil
}

func keyRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' || r == ' ' || r == ':' || r == '/' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// normal resolves a path as POSIX does, for which two slashes in front, and no
// third, are a root of their own.
func normal(name string) string {
	clean := path.Clean(name)
	if strings.HasPrefix(name, "//") && !strings.HasPrefix(name, "///") {
		return "/" + clean
	}
	return clean
}

// longerThan reports whether a text has more than limit characters.
func longerThan(text string, limit int) bool {
	return len(text) > limit && utf8.RuneCountInString(text) > limit
}

// cut returns the first limit characters of a text.
func cut(text string, limit int) string {
	if !longerThan(text, limit) {
		return text
	}
	for i := range text {
		if limit == 0 {
			return text[:i]
		}
		limit--
	}
	return text
}

// checkTag checks a tag of a run or a model and returns it as it is kept: MLflow
// cuts values that are too long.
func checkTag(where string, tag *metadatav1.Tag) (*metadatav1.Tag, error) {
	if err := checkKey(where+"key", tag.GetKey()); err != nil {
		return nil, err
	}
	if longerThan(tag.GetKey(), maxKey) {
		return nil, tooLong(where+"key", maxKey)
	}
	return &metadatav1.Tag{Key: tag.GetKey(), Value: cut(tag.GetValue(), maxTagValue)}, nil
}

// checkExperimentTag checks a tag of an experiment.
func checkExperimentTag(tag *metadatav1.Tag) error {
	switch {
	case longerThan(tag.GetKey(), maxKey):
		return tooLong("key", maxKey)
	case longerThan(tag.GetValue(), maxExperimentTag):
		return tooLong("value", maxExperimentTag)
	}
	return checkKey("key", tag.GetKey())
}

// checkExperimentName checks a name.
func checkExperimentName(name string) error {
	switch {
	case name == "":
		return invalid("Invalid experiment name: ''")
	case longerThan(name, maxExperimentName):
		return tooLong("name", maxExperimentName)
	}
	return nil
}

// parseExperimentID reads the id of an experiment.
func parseExperimentID(id string) (int64, error) {
	parsed, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, invalid("Invalid experiment ID '%s'. Experiment ID must be a valid integer.", id)
	}
	return parsed, nil
}

// quoteJSON spells a text as JSON, in ASCII, as Python does.
func quoteJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quotePython spells a text as Python's repr does.
func quotePython(text string) string {
	quote := "'"
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, quote, `\`+quote).Replace(text) + quote
}
