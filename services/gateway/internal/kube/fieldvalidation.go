package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Values of the parameter fieldValidation: what becomes of fields that nobody knows, and
// of those that are there twice.
const (
	ignoreFields = "Ignore"
	warnFields   = "Warn" // the default
	strictFields = "Strict"
)

// fieldValidation reads the parameter. The error is that of a kind of options, such as
// CreateOptions.
func fieldValidation(r *http.Request, options string) (string, error) {
	switch value := r.URL.Query().Get("fieldValidation"); value {
	case "":
		return warnFields, nil
	case ignoreFields, warnFields, strictFields:
		return value, nil
	default:
		return "", &optionsError{options, fmt.Sprintf("fieldValidation: Unsupported value: %q: supported values: %q, %q, %q",
			value, ignoreFields, strictFields, warnFields)}
	}
}

// optionsError is an option of a request that is wrong.
type optionsError struct{ kind, message string }

func (e *optionsError) Error() string {
	return fmt.Sprintf("%s.meta.k8s.io \"\" is invalid: %s", e.kind, e.message)
}

// fieldsOf splits what a store warns of into fields that nobody knows and the rest.
func fieldsOf(warnings []string) (unknown, others []string) {
	for _, w := range warnings {
		if strings.HasPrefix(w, "unknown field ") {
			unknown = append(unknown, w)
		} else {
			others = append(others, w)
		}
	}
	return unknown, others
}

// strict tries a change first without making it, and refuses it for fields that nobody
// knows or that are there twice.
func (h *handler) strict(duplicates []string, try func() (warnings []string, err error)) error {
	warnings, err := try()
	if err != nil {
		return err
	}
	unknown, _ := fieldsOf(warnings)
	wrong := slices.Concat(duplicates, unknown)
	if len(wrong) == 0 {
		return nil
	}
	return badRequest("%s in version %q cannot be handled as a %s: strict decoding error: %s",
		h.resource.Kind, h.resource.Version, h.resource.Kind, strings.Join(wrong, ", "))
}

// told are the warnings that a client is to hear.
func told(validation string, duplicates, warnings []string) []string {
	if validation != ignoreFields {
		return slices.Concat(duplicates, warnings)
	}
	_, others := fieldsOf(warnings)
	return others
}

// validated makes a change under the wish of a client for fields that nobody knows.
func (h *handler) validated(validation string, body []byte, dry bool, change func(dry bool) (Object, []string, error)) (Object, []string, error) {
	duplicates := duplicateFields(body)
	if validation == strictFields {
		err := h.strict(duplicates, func() ([]string, error) {
			_, warnings, err := change(true)
			return warnings, err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	now, warnings, err := change(dry)
	return now, told(validation, duplicates, warnings), err
}

// duplicateFields are the fields of a body that are there twice, as sentences.
func duplicateFields(body []byte) []string {
	if !json.Valid(body) {
		if _, err := yaml.YAMLToJSONStrict(body); err != nil {
			return []string{strings.Join(strings.Fields(err.Error()), " ")}
		}
		return nil
	}
	var found []string
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	duplicates(decoder, "", &found)
	return found
}

// mostDuplicates bounds what is said of one body.
const mostDuplicates = 50

// duplicates reads one value and notes the fields in it that are there twice.
func duplicates(d *json.Decoder, path string, found *[]string) {
	token, err := d.Token()
	if err != nil {
		return
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return
			}
			at := strings.TrimPrefix(fmt.Sprintf("%s.%v", path, name), ".")
			if seen[at] && len(*found) < mostDuplicates {
				*found = append(*found, fmt.Sprintf("duplicate field %q", at))
			}
			seen[at] = true
			duplicates(d, at, found)
		}
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			duplicates(d, fmt.Sprintf("%s[%d]", path, i), found)
		}
	default:
		return
	}
	_, _ = d.Token() // its end, of what is valid
}

var errRevision = fault.Invalidf("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
