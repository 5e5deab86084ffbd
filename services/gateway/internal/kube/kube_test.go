package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// memory is a store of objects in memory.
type memory struct {
	objects  map[string]Object // by namespace and name
	revision int64
	changes  []Change // that a watch tells, before it ends with the error
	err      error
}

func (m *memory) Create(_ context.Context, namespace string, manifest []byte, o Options) (Object, []string, error) {
	object := mustDecode(manifest)
	if object.name() == "bad" {
		return nil, nil, fault.InvalidAll([]fault.Violation{{Field: "spec.a", Reason: "Required value: must be"}, {Field: "spec.b", Reason: `Invalid value: 1: no`}})
	}
	if m.objects[namespace+"/"+object.name()] != nil {
		return nil, nil, fault.AlreadyExistsf("taken")
	}
	object.metadata()["namespace"] = namespace
	if !o.DryRun {
		m.put(object)
	}
	return object, []string{`unknown field "x"`}, nil
}

func (m *memory) put(object Object) {
	m.revision++
	object.metadata()["resourceVersion"] = strconv.FormatInt(m.revision, 10)
	m.objects[object.namespace()+"/"+object.name()] = object
}

func (m *memory) Get(_ context.Context, namespace, name string) (Object, error) {
	if found := m.objects[namespace+"/"+name]; found != nil {
		return mustDecode(found.encode()), nil
	}
	return nil, fault.NotFoundf("none")
}

func (m *memory) List(_ context.Context, namespace string, page Page) (List, error) {
	if page.Continue != "" {
		return List{}, fault.Invalidf("page_token", "was not given out by this service")
	}
	out := List{Revision: m.revision}
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if namespace == "" || strings.HasPrefix(key, namespace+"/") {
			out.Items = append(out.Items, m.objects[key])
		}
	}
	return out, nil
}

func (m *memory) Update(_ context.Context, namespace, name string, manifest []byte, o Options) (Object, []string, error) {
	current := m.objects[namespace+"/"+name]
	if current == nil {
		return nil, nil, fault.NotFoundf("none")
	}
	if o.Revision != current.revision() {
		return nil, nil, fault.Conflictf("the object has been modified")
	}
	object := mustDecode(manifest)
	if object["status"] = current["status"]; object["status"] == nil {
		delete(object, "status")
	}
	if !o.DryRun {
		m.put(object)
	}
	return object, nil, nil
}

func (m *memory) Delete(_ context.Context, namespace, name string, _ Options) error {
	delete(m.objects, namespace+"/"+name)
	return nil
}

func (m *memory) Watch(_ context.Context, _, _ string, _ int64, told func(Change) error) error {
	for _, c := range m.changes {
		if err := told(c); err != nil {
			return err
		}
	}
	return m.err
}

func mustDecode(data []byte) Object {
	object, err := decode(data, "")
	if err != nil {
		panic(err)
	}
	return object
}

// edge is a server of one resource.
func edge(m *memory) *http.ServeMux {
	mux := http.NewServeMux()
	Register(mux, "v1", Resource{Group: "g.io", Version: "v1", Plural: "things", Singular: "thing", Kind: "Thing", Short: []string{"th"}, Store: m})
	return mux
}

// ask makes a request and returns the code and the body.
func ask(t *testing.T, h http.Handler, method, path, contentType, body string) (int, Object, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := Object{}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
	return w.Code, answer, w.Header()
}

const (
	some  = "/apis/g.io/v1/namespaces/n/things"
	thing = "apiVersion: g.io/v1\nkind: Thing\nmetadata: {name: a, labels: {l: v}}\nspec: {one: 1}\n"
)

func TestVerbsAndErrors(t *testing.T) {
	t.Parallel()
	m := &memory{objects: map[string]Object{}}
	h := edge(m)
	for i, step := range []struct {
		method, path, contentType, body string
		code                            int
		says                            string
	}{
		{"POST", some, "application/yaml", thing, 201, `"resourceVersion":"1"`},
		{"POST", some, "application/json", `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"a"}}`, 409, `"message":"things.g.io \"a\" already exists","metadata":{},"reason":"AlreadyExists"`},
		{"POST", some + "?dryRun=All", "", strings.Replace(thing, "name: a", "name: dry", 1), 201, `"name":"dry"`},
		{"GET", some + "/dry", "", "", 404, `things.g.io \"dry\" not found`},
		{
			"POST", some, "", strings.Replace(thing, "name: a", "name: bad", 1), 422,
			`"causes":[{"field":"spec.a","message":"Required value: must be","reason":"FieldValueRequired"},{"field":"spec.b","message":"Invalid value: 1: no","reason":"FieldValueInvalid"}]`,
		},
		{"POST", some, "application/vnd.kubernetes.protobuf", "x", 415, `"reason":"UnsupportedMediaType"`},
		{"POST", some, "", "]", 400, `neither JSON nor YAML`},
		{"POST", some, "", "apiVersion: v1\nkind: Pod", 400, `the API version in the data (v1) does not match the expected API version (g.io/v1)`},
		{"POST", some, "", strings.Replace(thing, "kind: Thing", "kind: Other", 1), 422, `kind: Invalid value: \"Other\": must be Thing`},
		{"POST", some, "", thing + "---\n" + thing, 400, "more than one object"},
		{"POST", some, "", `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"two"}} {}`, 400, "more than one object"},
		{"POST", some + "?dryRun=All", "", "# one\n--- # here\n" + strings.Replace(thing, "name: a", "name: one", 1) + "---\n# and no more\n", 201, `"name":"one"`},
		{"POST", some, "application/json", `[]`, 400, "the body is array, not an object"},
		{"PATCH", some + "/a", jsonPatch, `{}`, 400, "the patch is object, not a list of operations"},
		{"PATCH", some + "/a", mergePatch, `{"metadata":{"uid":"other"}}`, 409, "Precondition failed: UID in precondition: other, UID in object meta: "},
		{"PUT", some + "/a", "", strings.Replace(thing, "name: a", "name: a, uid: other, resourceVersion: '1'", 1), 409, "Precondition failed: UID in precondition: other"},
		{"GET", some + "?watch=1&timeoutSeconds=soon", "", "", 400, `timeoutSeconds: \"soon\" is no number`},
		{"GET", some + "?continue=mine", "", "", 400, "continue key is not valid"},
		{"GET", "/apis/g.io/v1/namespaces/n/nothings/a", "", "", 404, `"message":"the server could not find the requested resource","metadata":{},"reason":"NotFound"`},
		{"PUT", some + "/a", "", thing, 422, "metadata.resourceVersion: Invalid value: 0: must be specified for an update"},
		{"PUT", some + "/a", "", strings.Replace(thing, "name: a", "name: a, namespace: n, resourceVersion: '7'", 1), 409, `Operation cannot be fulfilled on things.g.io \"a\": the object has been modified`},
		{"PUT", some + "/a", "", strings.Replace(thing, "name: a", "name: a, namespace: n, resourceVersion: '1'", 1), 200, `"resourceVersion":"2"`},
		{"PATCH", some + "/a", mergePatch, `{"spec":{"one":null,"m":{"x":2}}}`, 200, `"spec":{"m":{"x":2}}`},
		{"PATCH", some + "/a", jsonPatch, `[{"op":"test","path":"/spec/m/x","value":2},{"op":"move","from":"/spec/m","path":"/spec/k"}]`, 200, `"spec":{"k":{"x":2}}`},
		{"PATCH", some + "/a", jsonPatch, `[{"op":"remove","path":"/spec/none"}]`, 422, `there is no \"none\"`},
		{"PATCH", some + "/a", "application/strategic-merge-patch+json", `{}`, 415, `UnsupportedMediaType`},
		{"PATCH", some + "/new", applyPatch, thing, 422, `PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value`},
		{"PATCH", some + "/new?fieldManager=me", applyPatch, strings.Replace(thing, "name: a", "name: new", 1), 201, `"name":"new"`},
		{"PATCH", some + "/none", mergePatch, `{}`, 404, `not found`},
		{"GET", some + "?labelSelector=l=v", "", "", 200, `"kind":"ThingList"`},
		{"GET", some + "?labelSelector=l%20in", "", "", 400, "unable to parse requirement"},
		{"GET", some + "?fieldSelector=spec.x=1", "", "", 400, "field label not supported: spec.x"},
		{"GET", "/apis/g.io/v1/things?fieldSelector=metadata.name=new", "", "", 200, `"items":[{`},
		{"GET", some + "/a/status", "", "", 200, `"name":"a"`},
		{"PUT", some + "/a/status", "", thing, 405, "MethodNotAllowed"},
		{"POST", "/apis/g.io/v1/things", "", thing, 405, "MethodNotAllowed"},
		{"DELETE", some + "/a", "", `{"preconditions":{}}`, 200, `"status":"Success"`},
		{"DELETE", some + "/a", "", "", 404, `not found`},
		{"DELETE", some, "", "", 200, `"kind":"ThingList"`},
		{"GET", some, "", "", 200, `"items":[]`},
		{"GET", "/apis", "", "", 200, `"kind":"APIGroupList"`},
		{"GET", "/apis/g.io", "", "", 200, `"preferredVersion":{"groupVersion":"g.io/v1","version":"v1"}`},
		{"GET", "/apis/g.io/v1", "", "", 200, `"shortNames":["th"]`},
		{"GET", "/api", "", "", 200, `"versions":["v1"]`},
	} {
		code, answer, _ := ask(t, h, step.method, step.path, step.contentType, step.body)
		if text := string(answer.encode()); code != step.code || !strings.Contains(text, step.says) {
			t.Errorf("%d: %s %s: %d, want %d with %s:\n%s", i, step.method, step.path, code, step.code, step.says, text)
		}
	}
	_, _, header := ask(t, h, "POST", some, "", thing)
	if got := header.Get("Warning"); got != `299 - "unknown field \"x\""` {
		t.Errorf("warning %q", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	r := &Resource{Group: "g.io", Version: "v1", Plural: "things", Kind: "Thing"}
	for _, tt := range []struct {
		err    error
		code   int
		reason string
	}{
		{fault.Unavailablef("x"), 503, "ServiceUnavailable"},
		{fault.Exhaustedf("x"), 413, "RequestEntityTooLarge"},
		{fault.New(fault.Denied, "x"), 403, "Forbidden"},
		{fault.New(fault.Unauthenticated, "x"), 401, "Unauthorized"},
		{fault.Preconditionf("x").WithReason(reasonExpired), 410, "Expired"},
		{fault.Invalidf("metadata.namespace", "x"), 400, "BadRequest"},
		{fault.Internalf(nil, "x"), 500, "InternalError"},
		{io.ErrUnexpectedEOF, 500, "InternalError"},
	} {
		if s := r.explain("a", tt.err); s.Code != tt.code || s.Reason != tt.reason {
			t.Errorf("%v: %d %s, want %d %s", tt.err, s.Code, s.Reason, tt.code, tt.reason)
		}
	}
}

// TestWatch tells of changes as they look through a selector.
func TestWatch(t *testing.T) {
	t.Parallel()
	object := func(name, label string) Object {
		return Object{"metadata": map[string]any{"name": name, "namespace": "n", "labels": map[string]any{"l": label}}}
	}
	changes := []Change{
		{"ADDED", object("a", "yes"), 1},
		{"ADDED", object("b", "no"), 2},
		{"BOOKMARK", nil, 2},
		{"MODIFIED", object("a", "yes"), 3},
		{"MODIFIED", object("b", "yes"), 4},
		{"MODIFIED", object("a", "no"), 5},
		{"DELETED", object("a", "no"), 6},
		{"DELETED", object("b", "yes"), 7},
	}
	for _, tt := range []struct{ query, want string }{
		{"watch=1", "ADDED a, ADDED b, MODIFIED a, MODIFIED b, MODIFIED a, DELETED a, DELETED b, ERROR "},
		{"watch=1&labelSelector=l=yes", "ADDED a, MODIFIED a, ADDED b, DELETED a, DELETED b, ERROR "},
		{"watch=1&labelSelector=l=yes&sendInitialEvents=true&allowWatchBookmarks=true", "ADDED a, BOOKMARK , MODIFIED a, ADDED b, DELETED a, DELETED b, ERROR "},
	} {
		m := &memory{changes: changes, err: fault.Preconditionf("gone").WithReason(reasonExpired)}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, some+"?"+tt.query, nil)
		w := httptest.NewRecorder()
		edge(m).ServeHTTP(w, r)
		got := ""
		decoder := json.NewDecoder(w.Body)
		for decoder.More() {
			var line struct {
				Type   string
				Object Object
			}
			if err := decoder.Decode(&line); err != nil {
				t.Fatal(err)
			}
			if line.Type == "ERROR" && line.Object["code"] != float64(410) {
				t.Errorf("error %v", line.Object)
			}
			got += line.Type + " " + line.Object.name() + ", "
		}
		if strings.TrimSuffix(got, ", ") != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"a": "1", "b": "2"}
	for text, want := range map[string]bool{
		"": true, "a=1": true, "a==1": true, "a=2": false, "a!=2": true, "a!=1": false, "c!=1": true, "a": true, "c": false, "!c": true, "! a": false,
		"a in (1,2),b notin (3, 4)": true, "a in (2)": false, "c notin (1)": true, "a=1,b=2,!c": true, " a = 1 , b": true, "a=": false,
	} {
		all, err := parseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		got := !slices.ContainsFunc(all, func(r requirement) bool { return !r.holds(labels) })
		if got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"a in", "a b", "(a)", "a in (b", "=x"} {
		if all, err := parseSelector(text); err == nil {
			t.Errorf("%q is read as %v", text, all)
		}
	}
}

// TestMerge takes the examples of RFC 7386.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"a":"foo"}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var to, patch, want any
		for i, value := range []*any{&to, &patch, &want} {
			if err := json.Unmarshal([]byte(tt[i]), value); err != nil {
				t.Fatal(err)
			}
		}
		if got := merge(to, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s patched with %s is %v, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}

// TestOperations takes examples of RFC 6902.
func TestOperations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ document, patch, want string }{
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux"}]`, `{"baz":"qux","foo":"bar"}`},
		{`{"foo":["bar","baz"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux","baz"]}`},
		{`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/-","value":["abc"]}]`, `{"foo":["bar",["abc"]]}`},
		{`{"foo":["bar","qux","baz"]}`, `[{"op":"remove","path":"/foo/1"}]`, `{"foo":["bar","baz"]}`},
		{`{"foo":["all","grass","cows","eat"]}`, `[{"op":"move","from":"/foo/1","path":"/foo/3"}]`, `{"foo":["all","cows","eat","grass"]}`},
		{`{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":10},{"op":"replace","path":"/~1","value":1}]`, `{"/":1,"~1":10}`},
		{`{"a":{"b":1}}`, `[{"op":"copy","from":"/a","path":"/c"}]`, `{"a":{"b":1},"c":{"b":1}}`},
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz/bat","value":"qux"}]`, ""},
		{`{"foo":"bar"}`, `[{"op":"test","path":"/foo","value":"x"}]`, ""},
		{`{"foo":["a"]}`, `[{"op":"add","path":"/foo/2","value":"x"}]`, ""},
		{`{"foo":["a"]}`, `[{"op":"replace","path":"/foo/1","value":"x"}]`, ""},
		{`{}`, `[{"op":"replace","path":"","value":"x"}]`, ""},
		{`{}`, `[{"op":"fly","path":"/a"}]`, ""},
		{`{}`, `[{"op":"add","path":"a","value":1}]`, ""},
	} {
		change, err := changeOf(jsonPatch, []byte(tt.patch), false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := change(mustDecode([]byte(tt.document)))
		if (err != nil) != (tt.want == "") || err == nil && string(got.encode()) != tt.want {
			t.Errorf("%s with %s: %s, %v; want %s", tt.document, tt.patch, fmt.Sprint(got), err, tt.want)
		}
	}
}

// FuzzPatch checks that no patch breaks anything: what it leaves is an object that
// can be written.
func FuzzPatch(f *testing.F) {
	f.Add([]byte(`[{"op":"add","path":"/a/-","value":1},{"op":"move","from":"/a/0","path":"/b"}]`), []byte(`{"a":[1,{"b":2}]}`))
	f.Add([]byte(`[{"op":"remove","path":"/a/0"}]`), []byte(`{"a":[]}`))
	f.Fuzz(func(_ *testing.T, patch, document []byte) {
		object, err := decode(document, "application/json")
		if err != nil {
			return
		}
		change, err := changeOf(jsonPatch, patch, false)
		if err != nil {
			return
		}
		if changed, err := change(object); err == nil {
			_, _ = io.Copy(io.Discard, bytes.NewReader(changed.encode()))
		}
	})
}

func TestTables(t *testing.T) {
	t.Parallel()
	m := &memory{objects: map[string]Object{}}
	mux := edge(m)
	object := `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"a","creationTimestamp":"2001-01-01T00:00:00Z"}}`
	if code, answer, _ := ask(t, mux, http.MethodPost, some, "application/json", object); code != http.StatusCreated {
		t.Fatal(answer)
	}
	m.changes = []Change{{Type: "ADDED", Object: m.objects["n/a"]}}
	const asked = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
	for path, list := range map[string]bool{"": true, "/a": false, "?watch=1": false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/apis/g.io/v1/namespaces/n/things"+path, http.NoBody)
		r.Header.Set("Accept", asked)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		got := mustDecode(w.Body.Bytes())
		if path == "?watch=1" {
			got, _ = Object(got["object"].(map[string]any)), list
		}
		if got["kind"] != "Table" || got["apiVersion"] != "meta.k8s.io/v1" || len(got["columnDefinitions"].([]any)) != 2 {
			t.Errorf("%s: %v", path, got)
			continue
		}
		row := got["rows"].([]any)[0].(map[string]any)
		if cells := row["cells"].([]any); cells[0] != "a" || !strings.HasSuffix(cells[1].(string), "y") && !strings.HasSuffix(cells[1].(string), "d") {
			t.Errorf("%s: cells %v", path, cells)
		}
		if part := row["object"].(map[string]any); part["kind"] != "PartialObjectMetadata" {
			t.Errorf("%s: object %v", path, part)
		}
	}
	for accept, want := range map[string]bool{
		"": false, "application/json": false, "application/json, application/json;as=Table;v=v1;g=meta.k8s.io": false,
		"application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io": false, "application/json;g=meta.k8s.io;v=v1;as=Table": true,
		"application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io": true,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept", accept)
		if tabular(r) != want {
			t.Errorf("%q: %v", accept, !want)
		}
	}
}

func TestHuman(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "<invalid>", 0: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 150 * time.Second: "2m30s", 10*time.Minute + time.Second: "10m",
		4 * time.Hour: "4h", 4*time.Hour + 5*time.Minute: "4h5m", 30 * time.Hour: "30h", 50 * time.Hour: "2d2h", 240 * time.Hour: "10d",
		3 * 365 * 24 * time.Hour: "3y", 20 * 365 * 24 * time.Hour: "20y",
	} {
		if got := human(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

func TestFieldValidation(t *testing.T) {
	t.Parallel()
	const object = `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"a"},"spec":{"l":[{"b":1,"b":2}]},"spec":{}}`
	const twice = `duplicate field "spec.l[0].b"`
	for _, tt := range []struct {
		query    string
		code     int
		warnings int
		says     string
	}{
		{"", http.StatusCreated, 3, ""},
		{"?fieldValidation=Warn", http.StatusCreated, 3, ""},
		{"?fieldValidation=Ignore", http.StatusCreated, 0, ""},
		{"?fieldValidation=Strict", http.StatusBadRequest, 0, `Thing in version "v1" cannot be handled as a Thing: strict decoding error: ` + twice + `, duplicate field "spec", unknown field "x"`},
		{"?fieldValidation=Sometimes", http.StatusUnprocessableEntity, 0, `CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Sometimes"`},
	} {
		m := &memory{objects: map[string]Object{}}
		w := httptest.NewRecorder()
		edge(m).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/apis/g.io/v1/namespaces/n/things"+tt.query, strings.NewReader(object)))
		if w.Code != tt.code || len(w.Header().Values("Warning")) != tt.warnings {
			t.Errorf("%s: %d, %q", tt.query, w.Code, w.Header().Values("Warning"))
		}
		if message, _ := mustDecode(w.Body.Bytes())["message"].(string); !strings.HasPrefix(message, tt.says) {
			t.Errorf("%s: %s", tt.query, message)
		}
		if made := len(m.objects) == 1; made != (tt.code == http.StatusCreated) {
			t.Errorf("%s: made %v", tt.query, made)
		}
	}
}

func FuzzDuplicateFields(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":2}`, `[{"a":{"b":1,"b":2}}]`, "a: 1\na: 2\n", `{"a":`, `"x"`, "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if found := duplicateFields(body); len(found) > mostDuplicates {
			t.Errorf("%d are told", len(found))
		}
	})
}
