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

// patch changes an object: by a merge patch (RFC 7386), a JSON patch (RFC 6902), a
// strategic merge patch where that is taken, or by an object to be applied, which is made
// when it is missing.
func (h *handler) patch(w http.ResponseWriter, r *http.Request, namespace, name string) {
	a, err := h.readPatch(r, namespace, name)
	if err != nil {
		h.fail(w, name, err)
		return
	}
	for try := 1; ; try++ {
		code, now, warnings, err := h.change(r, a)
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
	namespace, name, validation string
	data                        []byte
	dry                         bool
	change                      func(Object) (Object, error) // nil when an object is to be applied
	object                      Object                       // that is to be applied
}

func (h *handler) readPatch(r *http.Request, namespace, name string) (asked, error) {
	a := asked{namespace: namespace, name: name}
	var err error
	if a.dry, a.validation, err = wishes(r, "PatchOptions"); err != nil {
		return a, err
	}
	if a.data, err = readBody(r); err != nil {
		return a, err
	}
	if mediaOf(r) != applyPatch {
		a.change, err = changeOf(mediaOf(r), a.data, h.resource.Plain)
		return a, err
	}
	if a.object, err = decodeBody(a.data, applyPatch); err == nil {
		err = h.check(a.object)
	}
	return a, err
}

// mediaOf is the type of a request's body.
func mediaOf(r *http.Request) string {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return media
}

const (
	mergePatch     = "application/merge-patch+json"
	jsonPatch      = "application/json-patch+json"
	strategicPatch = "application/strategic-merge-patch+json"
	applyPatch     = "application/apply-patch+yaml"
)

// changeOf returns what a patch does to an object.
func changeOf(media string, data []byte, plain bool) (func(Object) (Object, error), error) {
	switch {
	case media == mergePatch || media == strategicPatch && plain:
		patch, err := decodeBody(data, mergePatch)
		if err != nil {
			return nil, err
		}
		fields := map[string]any(patch)
		if media == strategicPatch {
			if fields, err = plainly(fields); err != nil {
				return nil, err
			}
		}
		return func(o Object) (Object, error) {
			merged, _ := merge(map[string]any(o), fields).(map[string]any)
			return merged, nil
		}, nil
	case media == jsonPatch:
		var operations []operation
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if err := decoder.Decode(&operations); err != nil {
			return nil, badRequest("the patch is %s, not a list of operations", jsonType(err))
		}
		return func(o Object) (Object, error) { return operate(o, operations) }, nil
	}
	return nil, &mediaError{strings.Join([]string{jsonPatch, mergePatch, applyPatch}, ", "), media}
}

// change makes one try at a patch.
func (h *handler) change(r *http.Request, a asked) (code int, now Object, warnings []string, err error) {
	live, err := h.resource.Store.Get(r.Context(), a.namespace, a.name)
	if fault.Is(err, fault.NotFound) && a.change == nil {
		now, warnings, err = h.validated(a.validation, a.data, a.dry, func(dry bool) (Object, []string, error) {
			made, err := h.owners.applied(r, nil, a.object)
			if err != nil {
				return nil, nil, err
			}
			return h.resource.Store.Create(r.Context(), a.namespace, made.encode(), Options{DryRun: dry})
		})
		return http.StatusCreated, now, warnings, err
	}
	if err != nil {
		return 0, nil, nil, err
	}
	changed, err := h.patched(r, a, live)
	if err != nil {
		return 0, nil, nil, err
	}
	now, warnings, err = h.validated(a.validation, a.data, a.dry, func(dry bool) (Object, []string, error) {
		return h.resource.Store.Update(r.Context(), a.namespace, a.name, changed.encode(), Options{DryRun: dry, Revision: live.revision()})
	})
	return http.StatusOK, now, warnings, err
}

// patched is an object as a patch makes it.
func (h *handler) patched(r *http.Request, a asked, live Object) (Object, error) {
	revision := live.revision()
	changed, err := a.object, error(nil)
	if a.change != nil {
		changed, err = a.change(live.clone())
	}
	if err != nil {
		return nil, err
	}
	if err := sameObject(changed, live); err != nil {
		return nil, err
	}
	if v := changed.revision(); v != 0 && v != revision {
		return nil, fault.Preconditionf("the object has been modified; please apply your changes to the latest version and try again")
	}
	if a.change == nil {
		return h.owners.applied(r, live, changed)
	}
	return h.owners.changed(r, live, changed)
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
