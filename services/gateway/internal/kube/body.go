package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxBodyBytes is the largest body, that of Kubernetes.
const maxBodyBytes = 3 << 20

// dryRunAll is the one value of dryRun.
const dryRunAll = "All"

func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBodyBytes))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, fault.Exhaustedf("Request entity too large: limit is %d", maxBodyBytes)
	}
	if err != nil {
		return nil, badRequest("the body cannot be read: %v", err)
	}
	return data, nil
}

// read reads the object in a body, JSON or YAML, and checks that it is of the
// resource. It returns the body, too.
func (h *handler) read(r *http.Request) (Object, []byte, error) {
	data, err := readBody(r)
	if err != nil {
		return nil, nil, err
	}
	object, err := h.decode(r, data)
	if err != nil {
		return nil, nil, err
	}
	if h.resource.Plain && object["kind"] == nil && object["apiVersion"] == nil { // the path says it, as for Kubernetes' own kinds
		object["apiVersion"], object["kind"] = h.resource.APIVersion(), h.resource.Kind
	}
	if mediaOf(r) == protobufMedia {
		data = object.encode() // in which no field is there twice
	}
	return object, data, h.check(object)
}

// decode reads the object of a request.
func (h *handler) decode(r *http.Request, data []byte) (Object, error) {
	if mediaOf(r) == protobufMedia {
		return decodeProtobuf(data, h.resource.Message)
	}
	return decodeBody(data, r.Header.Get("Content-Type"))
}

// check checks that an object is of the resource's version.
func (h *handler) check(o Object) error {
	if o["kind"] == nil || o["kind"] == "" {
		return badRequest("Object 'Kind' is missing in '%.200s'", o.encode())
	}
	if o["apiVersion"] != h.resource.APIVersion() {
		return badRequest("the API version in the data (%v) does not match the expected API version (%s)", o["apiVersion"], h.resource.APIVersion())
	}
	if kind, _ := o["kind"].(string); kind != h.resource.Kind && !slices.Contains(h.resource.Also, kind) {
		return fault.Invalidf("kind", "Invalid value: %q: must be %s", fmt.Sprint(o["kind"]), h.resource.Kind)
	}
	return nil
}

// decodeBody reads the one object that a body may hold.
func decodeBody(data []byte, contentType string) (Object, error) {
	if several(data) {
		return nil, badRequest("the body holds more than one object; send one at a time")
	}
	return decode(data, contentType)
}

// decode reads an object of a content type. JSON is YAML as well, so whatever does
// not say that it is something else is read as that.
func decode(data []byte, contentType string) (Object, error) {
	media, _, _ := mime.ParseMediaType(contentType)
	switch media {
	case "", "application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/plain", "application/x-www-form-urlencoded",
		"application/strict-merge-patch+json", mergePatch, applyPatch:
	default:
		return nil, &mediaError{"application/json, application/yaml", media}
	}
	data, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, badRequest("the body is neither JSON nor YAML: %v", err)
	}
	object := Object{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, badRequest("the body is %s, not an object", jsonType(err))
	}
	return object, nil
}

// several reports whether there is more in a body than one object, of which only the first
// would be read.
func several(data []byte) bool {
	if start := bytes.TrimSpace(data); len(start) > 0 && start[0] == '{' {
		decoder, first := json.NewDecoder(bytes.NewReader(start)), json.RawMessage{}
		if decoder.Decode(&first) == nil { // otherwise it is YAML that looks like it
			_, err := decoder.Token()
			return !errors.Is(err, io.EOF)
		}
	}
	documents := separator.Split(string(data), -1)
	if len(documents) == 1 {
		return false
	}
	held := 0
	for _, document := range documents {
		if converted, err := yaml.YAMLToJSON([]byte(document)); err != nil || string(converted) != "null" {
			held++
		}
	}
	return held > 1
}

// separator is what stands between documents of YAML.
var separator = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$`)

// jsonType is the kind of value that was found where another was wanted.
func jsonType(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrong.Value
	}
	return err.Error()
}

// dryRun reads the parameter dryRun.
func dryRun(r *http.Request) (bool, error) {
	switch value := r.URL.Query().Get("dryRun"); value {
	case "":
		return false, nil
	case dryRunAll:
		return true, nil
	default:
		return false, badRequest("dryRun: Unsupported value: %q: supported values: %q", value, dryRunAll)
	}
}

// wishes reads the parameters of a change.
func wishes(r *http.Request, options string) (dry bool, validation string, err error) {
	if dry, err = dryRun(r); err == nil {
		validation, err = fieldValidation(r, options)
	}
	if err == nil {
		err = checkManager(r, options)
	}
	return dry, validation, err
}

// truth reads a parameter that is true or not.
func truth(r *http.Request, name string) bool {
	value, err := strconv.ParseBool(r.URL.Query().Get(name))
	return err == nil && value
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}
