package kube

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// mostTries is how often a patch is made anew because the object changed meanwhile.
const mostTries = 5

// patch changes an object: by a merge patch (RFC 7386), a JSON patch (RFC 6902), or
// by an object to be applied, which is made when it is missing.
func (h *handler) patch(w http.ResponseWriter, r *http.Request, namespace, name string) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	dry, validation, err := wishes(r, "PatchOptions")
	var data []byte
	if err == nil {
		data, err = readBody(r)
	}
	var change func(Object) (Object, error)
	if err == nil {
		change, err = changeOf(media, data)
	}
	if err != nil {
		h.fail(w, name, err)
		return
	}
	for try := 1; ; try++ {
		code, now, warnings, err := h.change(r, asked{namespace, name, media, validation, data, dry}, change)
		if fault.Is(err, fault.Conflict) && try < mostTries {
			continue
		}
		if err != nil {
			h.fail(w, name, err)
			return
		}
		warn(w, warnings)
		answer(w, code, h.resource.one(r, now))
		return
	}
}

// asked is what a patch asks for.
type asked struct {
	namespace, name, media, validation string
	data                               []byte
	dry                                bool
}

const (
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
	applyPatch = "application/apply-patch+yaml"
)

// changeOf returns what a patch does to an object.
func changeOf(media string, data []byte) (func(Object) (Object, error), error) {
	switch media {
	case mergePatch, applyPatch:
		patch, err := decode(data, media)
		if err != nil {
			return nil, err
		}
		return func(o Object) (Object, error) {
			merged, _ := merge(map[string]any(o), map[string]any(patch)).(map[string]any)
			return merged, nil
		}, nil
	case jsonPatch:
		var operations []operation
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if err := decoder.Decode(&operations); err != nil {
			return nil, badRequest("the patch is not a list of operations: %v", err)
		}
		return func(o Object) (Object, error) { return operate(o, operations) }, nil
	}
	return nil, &mediaError{media}
}

// change makes one try at a patch.
func (h *handler) change(r *http.Request, a asked, change func(Object) (Object, error)) (
	code int, now Object, warnings []string, err error,
) {
	current, err := h.resource.Store.Get(r.Context(), a.namespace, a.name)
	if fault.Is(err, fault.NotFound) && a.media == applyPatch {
		object, err := decode(a.data, a.media)
		if err != nil {
			return 0, nil, nil, err
		}
		now, warnings, err = h.validated(a.validation, a.data, a.dry, func(dry bool) (Object, []string, error) {
			return h.resource.Store.Create(r.Context(), a.namespace, object.encode(), Options{DryRun: dry})
		})
		return http.StatusCreated, now, warnings, err
	}
	if err != nil {
		return 0, nil, nil, err
	}
	revision := current.revision()
	changed, err := change(current)
	if err != nil {
		return 0, nil, nil, err
	}
	if v := changed.revision(); v != 0 && v != revision {
		return 0, nil, nil, fault.Preconditionf("the object has been modified; please apply your changes to the latest version and try again")
	}
	now, warnings, err = h.validated(a.validation, a.data, a.dry, func(dry bool) (Object, []string, error) {
		return h.resource.Store.Update(r.Context(), a.namespace, a.name, changed.encode(), Options{DryRun: dry, Revision: revision})
	})
	return http.StatusOK, now, warnings, err
}

// merge applies a merge patch.
func merge(to, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := to.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range fields {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = merge(object[name], value)
	}
	return object
}

// operation is one operation of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	From  string `json:"from"`
	Value any    `json:"value"`
}

// operate applies a JSON patch.
func operate(o Object, operations []operation) (Object, error) {
	var document any = map[string]any(o)
	for i, op := range operations {
		var err error
		if document, err = op.apply(document); err != nil {
			return nil, fault.Invalidf("patch["+strconv.Itoa(i)+"]", "Invalid value: %q: %v", op.Op+" "+op.Path, err)
		}
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, badRequest("the patch leaves no object")
	}
	return object, nil
}

func (op operation) apply(document any) (any, error) {
	switch op.Op {
	case "add", "replace", "remove":
		return at(document, op.Path, op.Op, op.Value)
	case "test":
		value, err := find(document, op.Path)
		if err == nil && !reflect.DeepEqual(value, op.Value) {
			err = badRequest("the value is another")
		}
		return document, err
	case "copy", "move":
		value, err := find(document, op.From)
		if err != nil {
			return nil, err
		}
		if op.Op == "move" {
			if document, err = at(document, op.From, "remove", nil); err != nil {
				return nil, err
			}
		}
		return at(document, op.Path, "add", value)
	}
	return nil, badRequest("there is no such operation")
}

// pointer splits a JSON pointer (RFC 6901).
func pointer(path string) []string {
	parts := strings.Split(path, "/")[1:]
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts
}

func find(document any, path string) (any, error) {
	if path == "" {
		return document, nil
	}
	if path[0] != '/' {
		return nil, badRequest("the path does not begin with a slash")
	}
	for _, part := range pointer(path) {
		switch d := document.(type) {
		case map[string]any:
			value, ok := d[part]
			if !ok {
				return nil, badRequest("there is no %q", part)
			}
			document = value
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(d) {
				return nil, badRequest("there is no element %q", part)
			}
			document = d[i]
		default:
			return nil, badRequest("there is nothing below %q", part)
		}
	}
	return document, nil
}

// at adds, replaces or removes what a path names, and returns the document.
func at(document any, path, op string, value any) (any, error) {
	if path == "" {
		return value, nil
	}
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 {
		return nil, badRequest("the path does not begin with a slash")
	}
	parent, err := find(document, path[:cut])
	if err != nil {
		return nil, err
	}
	leaf := pointer(path[cut:])[0]
	switch p := parent.(type) {
	case map[string]any:
		if _, there := p[leaf]; !there && op != "add" {
			return nil, badRequest("there is no %q", leaf)
		}
		if op == "remove" {
			delete(p, leaf)
		} else {
			p[leaf] = value
		}
		return document, nil
	case []any:
		changed, err := element(p, leaf, op, value)
		if err != nil {
			return nil, err
		}
		return at(document, path[:cut], "replace", changed)
	}
	return nil, badRequest("there is nothing below %q", path[:cut])
}

// element changes one element of a list.
func element(list []any, leaf, op string, value any) ([]any, error) {
	i, err := strconv.Atoi(leaf)
	if leaf == "-" && op == "add" {
		i, err = len(list), nil
	}
	if err != nil || i < 0 || i > len(list) || i == len(list) && op != "add" {
		return nil, badRequest("there is no element %q", leaf)
	}
	switch op {
	case "add":
		return append(list[:i:i], append([]any{value}, list[i:]...)...), nil
	case "remove":
		return append(list[:i:i], list[i+1:]...), nil
	}
	list[i] = value
	return list, nil
}
