package manifest

import (
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
	all, err := Read([]string{dir, "-"}, strings.NewReader("kind: D\nmetadata: {name: d}\nscript: |\n  a\n  --- b\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, strings.TrimPrefix(m.Place, dir+"/")+" "+m.Kind+" "+m.Namespace+"/"+m.Name)
	}
	want := "a.yaml A ns/a|a.yaml, object 2 B /b|b.json C /c|standard input D /d"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if all[2].JSON != `{"kind":"C","metadata":{"name":"c"},"spec":{"n":1}}` {
		t.Errorf("JSON is %s", all[2].JSON)
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
		if _, err := Read([]string{"-"}, strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Read(nil, nil); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("got %v", err)
	}
	if _, err := Read([]string{"/none"}, nil); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
}
