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

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":             "holds no manifest",
		"kind: [":      "is not YAML",
		"- a":          "is not the manifest of an object",
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
