package kube

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOwners follows who owns a field through all ways of changing it.
func TestOwners(t *testing.T) {
	t.Parallel()
	mux := edge(&memory{objects: map[string]Object{}})
	apply := func(manager, labels, spec string) string {
		return `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"a","labels":{` + labels + `}},"spec":{` + spec + `}}`
	}
	for i, step := range []struct {
		method, query, contentType, body string
		code                             int
		says, not                        string
	}{
		{"PATCH", "?fieldManager=one", applyPatch, apply("one", `"l":"1"`, `"n":1,"list":[1]`), 201, `"manager":"one"`, ""},
		{"PATCH", "?fieldManager=two", applyPatch, apply("two", `"m":"2"`, `"n":1`), 200, `"m":"2"`, ""},
		{"PATCH", "?fieldManager=two", applyPatch, apply("two", `"m":"2"`, `"n":2`), 409, `conflict with \"one\": .spec.n`, ""},
		{"PATCH", "?fieldManager=two&force=true", applyPatch, apply("two", `"m":"2"`, `"n":2`), 200, `"spec":{"list":[1],"n":2}`, ""},
		{"PATCH", "?fieldManager=one", applyPatch, apply("one", `"l":"1"`, ``), 200, `"spec":{"n":2}`, "list"},
		{"PATCH", "?fieldManager=two", applyPatch, apply("two", ``, `"n":2`), 200, `"l":"1"`, `"m":"2"`},
		{"PATCH", "?fieldManager=three", mergePatch, `{"spec":{"n":3}}`, 200, `"manager":"three","operation":"Update"`, ""},
		{"PATCH", "?fieldManager=two", applyPatch, apply("two", ``, `"n":2`), 409, `conflict with \"three\" using g.io/v1: .spec.n`, ""},
		{"PATCH", "?fieldManager=two", applyPatch, strings.Replace(apply("two", ``, `"n":3`), `"name":"a"`, `"name":"a","managedFields":[{}]`, 1), 400, "metadata.managedFields must be nil", ""},
		{"PATCH", "?fieldManager=" + strings.Repeat("m", 129), mergePatch, `{}`, 422, "fieldManager: Too long", ""},
	} {
		code, answer, _ := ask(t, mux, step.method, some+"/a"+step.query, step.contentType, step.body)
		text := string(answer.encode())
		if code != step.code || !strings.Contains(text, step.says) || step.not != "" && strings.Contains(text, step.not) {
			t.Fatalf("%d: %d, want %d with %s and without %s:\n%s", i, code, step.code, step.says, step.not, text)
		}
	}
}

// TestConflictNamesItsFields checks that a client can read from a conflict who owns what.
func TestConflictNamesItsFields(t *testing.T) {
	t.Parallel()
	mux := edge(&memory{objects: map[string]Object{}})
	ask(t, mux, http.MethodPatch, some+"/a?fieldManager=one", applyPatch, thing)
	_, answer, _ := ask(t, mux, http.MethodPatch, some+"/a?fieldManager=two", applyPatch, strings.Replace(thing, "one: 1", "one: 2", 1))
	got, err := json.Marshal(answer["details"])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"causes":[{"field":".spec.one","message":"conflict with \"one\"","reason":"FieldManagerConflict"}],"group":"g.io","kind":"things","name":"a"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestKindOfThePath takes objects of Kubernetes' own kinds that do not say what they are, as
// its API server does.
func TestKindOfThePath(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	Register(mux, "v1", Resource{Version: "v1", Plural: "things", Singular: "thing", Kind: "Thing", Plain: true, Store: &memory{objects: map[string]Object{}}})
	code, answer, _ := ask(t, mux, http.MethodPost, "/api/v1/namespaces/n/things", "", `{"metadata":{"name":"a"}}`)
	if code != http.StatusCreated || answer["kind"] != "Thing" || answer["apiVersion"] != "v1" {
		t.Errorf("%d %v", code, answer)
	}
	if code, _, _ := ask(t, edge(&memory{}), http.MethodPost, some, "", `{"metadata":{"name":"a"}}`); code != http.StatusBadRequest {
		t.Errorf("a custom resource that does not say what it is: %d", code)
	}
	if code, answer, _ := ask(t, mux, http.MethodGet, "/version/", "", ""); code != http.StatusOK || answer["major"] != "1" {
		t.Errorf("%d %v", code, answer)
	}
}

func TestManagerOf(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{"": "unknown", "kubectl/v1.37 (linux)": "kubectl", "x": "x"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.Header.Set("User-Agent", agent)
		if got := managerOf(r); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	Register(mux, "v1", Resource{
		Group: "g.io", Version: "v1", Plural: "things", Singular: "thing", Kind: "Thing", Store: &memory{objects: map[string]Object{}},
		Scale: &Scale{
			Replicas: []string{"spec", "w", "replicas"}, Active: []string{"status", "w"}, Selector: func(o Object) string { return "of=" + o.name() },
			None: "it has none",
		},
	})
	ask(t, mux, http.MethodPost, some, "", `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"a"},"spec":{"w":{"replicas":2}}}`)
	ask(t, mux, http.MethodPost, some, "", `{"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"none"}}`)
	for i, step := range []struct {
		method, name, contentType, body string
		code                            int
		says                            string
	}{
		{"GET", "a", "", "", 200, `"spec":{"replicas":2},"status":{"replicas":0,"selector":"of=a"}`},
		{"PATCH", "a", mergePatch, `{"spec":{"replicas":5}}`, 200, `"spec":{"replicas":5}`},
		{"PATCH", "a", jsonPatch, `[{"op":"replace","path":"/spec/replicas","value":4}]`, 200, `"spec":{"replicas":4}`},
		{"PUT", "a", "", `{"metadata":{"resourceVersion":"1"},"spec":{"replicas":3}}`, 409, "the object has been modified"},
		{"PUT", "a", "", `{"spec":{"replicas":3}}`, 200, `"spec":{"replicas":3}`},
		{"PUT", "a", "", `{"spec":{"replicas":-1}}`, 422, "must be a number from 0"},
		{"PATCH", "a", applyPatch, `{}`, 415, "UnsupportedMediaType"},
		{"GET", "none", "", "", 422, "spec.replicas: Not found: it has none"},
		{"GET", "missing", "", "", 404, "not found"},
		{"DELETE", "a", "", "", 405, "MethodNotAllowed"},
	} {
		code, answer, _ := ask(t, mux, step.method, some+"/"+step.name+"/scale", step.contentType, step.body)
		if text := string(answer.encode()); code != step.code || !strings.Contains(text, step.says) {
			t.Errorf("%d: %d, want %d with %s:\n%s", i, code, step.code, step.says, text)
		}
	}
	_, answer, _ := ask(t, mux, http.MethodGet, some+"/a", "", "")
	if text := string(answer.encode()); !strings.Contains(text, `"subresource":"scale"`) || !strings.Contains(text, `"replicas":3`) {
		t.Error(text)
	}
	if _, answer, _ := ask(t, mux, http.MethodGet, "/apis/g.io/v1", "", ""); !strings.Contains(string(answer.encode()), `"group":"autoscaling","kind":"Scale","name":"things/scale"`) {
		t.Errorf("%v", answer)
	}
}

// TestProtobuf reads what clients that were built with a kind send of it.
func TestProtobuf(t *testing.T) {
	t.Parallel()
	of := Message{1: MetadataField(), 2: {Name: "data", Map: true}, 3: {Name: "raw", Map: true, Bytes: true}, 4: {Name: "fixed", Bool: true}, 5: {Name: "n", Int: true}}
	body := "k8s\x00" + "\x0a\x0a\x0a\x02v1\x12\x04Kind" + // the envelope: what is inside
		"\x12\x24" + "\x0a\x05\x0a\x01a\x12\x00" + "\x12\x06\x0a\x01k\x12\x01v" + "\x1a\x06\x0a\x01b\x12\x01\xff" + "\x20\x01" + "\x28\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	got, err := decodeProtobuf([]byte(body), of)
	want := `{"apiVersion":"v1","data":{"k":"v"},"fixed":true,"kind":"Kind","metadata":{"name":"a"},"n":-5,"raw":{"b":"/w=="}}`
	if err != nil || string(got.encode()) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got.encode(), want)
	}
	for _, broken := range []string{"", "k8s", "{}", body[:len(body)-3], "k8s\x00\xff\xff"} {
		if got, err := decodeProtobuf([]byte(broken), of); err == nil {
			t.Errorf("%q is read as %v", broken, got)
		}
	}
	if _, err := decodeProtobuf([]byte(body), nil); err == nil {
		t.Error("a kind that nobody sends so is read")
	}
}

func FuzzProtobuf(f *testing.F) {
	f.Add([]byte("k8s\x00\x12\x04\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if object, err := decodeProtobuf(body, Message{1: MetadataField(), 2: {Name: "data", Map: true}}); err == nil {
			object.encode()
		}
	})
}
