package manifest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.yaml":   "# first\n---\nkind: A\nmetadata: {name: a, namespace: ns}\n--- # second\nkind: B\nmetadata: {name: b}\n---\n",
		"b.json":   `{"kind":"C","metadata":{"name":"c"},"spec":{"n":1}}`,
		"note.txt": "no manifest",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Read(t.Context(), Source{Names: []string{dir, "-"}, Stdin: strings.NewReader("kind: D\nmetadata: {name: d}\nscript: |\n  a\n  --- b\n")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, strings.TrimPrefix(m.Place, dir+"/")+" "+m.Kind+" "+m.Namespace+"/"+m.Name)
	}
	want := "a.yaml, object 1 A ns/a|a.yaml, object 2 B /b|b.json C /c|standard input D /d"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if all[2].JSON != `{"kind":"C","metadata":{"name":"c"},"spec":{"n":1}}` {
		t.Errorf("JSON is %s", all[2].JSON)
	}
}

// TestReadElsewhere reads lists, directories below directories, and pages.
func TestReadElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	list := `{"kind":"List","items":[{"kind":"A","metadata":{"name":"a"}},{"kind":"BList","items":[{"kind":"B","metadata":{"name":"b"}}]}]}`
	if err := os.WriteFile(filepath.Join(dir, "below", "list.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := Read(t.Context(), Source{Names: []string{dir}}); err == nil {
		t.Errorf("what is below is read: %v", all)
	}
	server := httptest.NewServer(http.StripPrefix("/", http.FileServer(http.Dir(dir))))
	defer server.Close()
	all, err := Read(t.Context(), Source{Names: []string{dir, server.URL + "/below/list.json"}, Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, filepath.Base(m.Place)+" "+m.Name)
	}
	want := "list.json, item 1 a|list.json, item 2, item 1 b|list.json, item 1 a|list.json, item 2, item 1 b"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if _, err := Read(t.Context(), Source{Names: []string{server.URL + "/none"}}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

// TestReadMerges: what is merged may be said anew, which is no key that is there twice.
func TestReadMerges(t *testing.T) {
	t.Parallel()
	text := "kind: A\na: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\n"
	all, err := Read(t.Context(), Source{Names: []string{"-"}, Stdin: strings.NewReader(text)})
	if err != nil || all[0].JSON != `{"a":{"x":1,"z":2},"b":{"x":1,"z":3},"kind":"A"}` {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                "holds no manifest",
		"kind: [":         "is not YAML",
		"- a":             "standard input: is not the manifest of an object: it is an array; want apiVersion, kind, metadata and spec",
		"kind: A\n---\na": "standard input, object 2: is not the manifest of an object: it is a string; want",
		"kind: 5":         "is not the manifest of an object: kind is a number",

		"# one\nkind: A\nb:\n\tc: 1\n":                                "standard input: is not YAML: line 4: found character that cannot start any token",
		"kind: A\n---\nkind: B\nc:\n\td: 1\n":                         "line 5: found character",
		"kind: A\nmetadata:\n  name: a\n  name: b\n":                  "standard input: line 4: the key \"name\" is there twice",
		"kind: A\n--- # two\nkind: B\nmetadata: {a: 1}\nmetadata: {}": "line 5: the key \"metadata\" is there twice",
		"metadata: {}": "names no kind",
	} {
		if _, err := Read(t.Context(), Source{Names: []string{"-"}, Stdin: strings.NewReader(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Read(t.Context(), Source{}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("got %v", err)
	}
	if _, err := Read(t.Context(), Source{Names: []string{"/none"}}); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
}
