package literal

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain, env := write("token", "s3cr3t\n"), write("vars.env", "\ufeff# comment\n\n A=1\r\nB=x=y\nHOST\n C = 2\n")
	write("many/a", "1")
	write("many/b", "2")
	for name, tt := range map[string]struct {
		source Source
		want   map[string]string
		says   string
	}{
		"literals":          {Source{Literals: []string{"a=1", "b=x=y", "c="}}, map[string]string{"a": "1", "b": "x=y", "c": ""}, ""},
		"no key":            {Source{Literals: []string{"hunter2"}}, nil, "want KEY=VALUE"},
		"twice":             {Source{Literals: []string{"a=1", "a=2"}}, nil, `key "a" is given twice`},
		"file":              {Source{Files: []string{plain, "k=" + plain}}, map[string]string{"token": "s3cr3t\n", "k": "s3cr3t\n"}, ""},
		"standard input":    {Source{Files: []string{"k=-"}}, map[string]string{"k": "piped"}, ""},
		"no name for input": {Source{Files: []string{"-"}}, nil, "KEY=- for standard input"},
		"directory":         {Source{Files: []string{filepath.Join(dir, "many")}}, map[string]string{"a": "1", "b": "2"}, ""},
		"named directory":   {Source{Files: []string{"k=" + filepath.Join(dir, "many")}}, nil, "is a directory"},
		"no file":           {Source{Files: []string{filepath.Join(dir, "none")}}, nil, "no such file"},
		"variables":         {Source{EnvFiles: []string{env}}, map[string]string{"A": "1", "B": "x=y", "HOST": "here", "C": " 2"}, ""},
		"no variable":       {Source{EnvFiles: []string{write("bad.env", "A=1\n=hunter2\n")}}, nil, "line 2 of"},
	} {
		got, err := tt.source.Read(strings.NewReader("piped"), func(string) string { return "here" })
		if tt.says != "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: error %v, want one that says %q and no value", name, err, tt.says)
			}
			continue
		}
		values := map[string]string{}
		for key, value := range got {
			values[key] = string(value)
		}
		if err != nil || !maps.Equal(values, tt.want) {
			t.Errorf("%s: got %q, %v; want %q", name, values, err, tt.want)
		}
	}
}
