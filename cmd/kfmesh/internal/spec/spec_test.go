package spec

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const pipeline = `
pipelineInfo: {name: tiny}
components:
  comp-nested:
    dag: {tasks: {inner: {cachingOptions: {enableCache: true}}}}
root:
  dag: {tasks: {outer: {componentRef: {name: comp-nested}}}}
  inputDefinitions:
    parameters:
      count: {parameterType: NUMBER_INTEGER}
      flag: {parameterType: BOOLEAN, isOptional: true}
      items: {parameterType: LIST, defaultValue: []}
      options: {parameterType: STRUCT, defaultValue: {}}
      rate: {parameterType: NUMBER_DOUBLE, defaultValue: 0.5}
      text: {parameterType: STRING, defaultValue: ''}
`

func parse(t *testing.T, content string) *Document {
	t.Helper()
	doc, err := Parse("file.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParse(t *testing.T) {
	doc := parse(t, pipeline)
	if doc.Name != "tiny" || len(doc.Types) != 6 || !slices.Equal(doc.Required, []string{"count"}) {
		t.Errorf("document is %q with types %v, of which required %v", doc.Name, doc.Types, doc.Required)
	}
	if named := parse(t, "root: {}"); named.Name != "file" {
		t.Errorf("a pipeline without a name is called %q", named.Name)
	}
}

func TestParseWithPlatformSpec(t *testing.T) {
	doc := parse(t, pipeline+"\n---\nplatforms: {kubernetes: {}}\n")
	if doc.Name != "tiny" || len(doc.Types) != 6 {
		t.Errorf("document is %q with types %v", doc.Name, doc.Types)
	}
	if doc.Spec.GetFields()["platform_spec"] == nil || doc.Spec.GetFields()["pipeline_spec"] == nil {
		t.Errorf("spec has %v", doc.Spec.GetFields())
	}
}

func TestParseRefuses(t *testing.T) {
	for _, content := range []string{"", "# nothing", "- a list", "text", "a: [", "a: 1\n---\nb: 2\n---\nc: 3", "\x00\x01", "{1: 2, {a: b}: c}"} {
		if _, err := Parse("file.yaml", []byte(content)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q gives %v, want an Invalid fault", content, err)
		}
	}
}

func TestParameters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "params.yaml")
	if err := os.WriteFile(file, []byte("count: 1\ntext: from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	values, err := parse(t, pipeline).Parameters(file, []string{
		"count=2", "flag=true", `items=["a", 1]`, `options={"a": {"b": null}}`, "rate=3", "text=a=b",
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := structpb.NewStruct(map[string]any{
		"count": 2.0, "flag": true, "items": []any{"a", 1.0}, "options": map[string]any{"a": map[string]any{"b": nil}}, "rate": 3.0, "text": "a=b",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&structpb.Struct{Fields: values}, want) {
		t.Errorf("parameters are %v, want %v", values, want)
	}
}

func TestParametersRefused(t *testing.T) {
	tests := []struct{ assignment, says string }{
		{"count=1.5", "a whole number such as 3 (NUMBER_INTEGER)"},
		{"count=", "a whole number"},
		{"count=\"3\"", "a whole number"},
		{"flag=yes", "true or false"},
		{"items={}", "a JSON list"},
		{"options=[]", "a JSON object"},
		{"rate=fast", "a number such as 0.5"},
		{"rate=null", "a number such as 0.5"},
		{"colour=red", "it takes count, flag, items, options, rate, text"},
		{"count", "name=value"},
		{"text=only", "the pipeline needs a value of type NUMBER_INTEGER"},
	}
	for _, tt := range tests {
		_, err := parse(t, pipeline).Parameters("", []string{tt.assignment})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s gives %v, want %q", tt.assignment, err, tt.says)
		}
	}
}

func TestDisableCachingReachesNestedPipelines(t *testing.T) {
	doc := parse(t, pipeline)
	doc.DisableCaching()
	for _, path := range [][]string{{"root", "dag", "tasks", "outer"}, {"components", "comp-nested", "dag", "tasks", "inner"}} {
		options := child(doc.Spec, append(path, "cachingOptions")...)
		if enabled, ok := options.GetFields()["enableCache"].GetKind().(*structpb.Value_BoolValue); !ok || enabled.BoolValue {
			t.Errorf("%v may still be answered from the cache", path)
		}
	}
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	for name, content := range files {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := member.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func tarred(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&buffer, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(compressed)
	for name, content := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestUnpack(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		says  string // of the refusal; empty when it works
	}{
		{"one", map[string]string{"a.yaml": "yes"}, ""},
		{"beside others", map[string]string{"readme.md": "no", "dir/a.json": "yes"}, ""},
		{"by name", map[string]string{"a.yaml": "no", "dir/pipeline.yaml": "yes"}, ""},
		{"none", map[string]string{"a.txt": "no"}, "holds no .yaml"},
		{"several", map[string]string{"a.yaml": "no", "b.yaml": "no"}, "none is called pipeline.yaml"},
		{"too large", map[string]string{"a.yaml": strings.Repeat("a", MaxBytes+1)}, "32 MiB"},
	}
	for _, tt := range tests {
		for kind, content := range map[string][]byte{"zip": zipped(t, tt.files), "tar.gz": tarred(t, tt.files)} {
			unpacked, err := Unpack("x", content)
			switch {
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("%s in a %s gives %v, want %q", tt.name, kind, err, tt.says)
			case tt.says == "" && (err != nil || string(unpacked) != "yes"):
				t.Errorf("%s in a %s gives %q, %v", tt.name, kind, unpacked, err)
			}
		}
	}
}

func TestReadFile(t *testing.T) {
	if content, err := ReadFile("-", strings.NewReader("from stdin")); err != nil || string(content) != "from stdin" {
		t.Errorf("standard input gives %q, %v", content, err)
	}
	for name, says := range map[string]string{
		"/nowhere/x.yaml": "there is no such file",
		"x/Train.PY":      "kfp dsl compile --py x/Train.PY --output Train.yaml",
		t.TempDir():       "cannot be read",
	} {
		if _, err := ReadFile(name, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s gives %v, want %q", name, err, says)
		}
	}
}

// FuzzParse checks that no file makes the reader panic, and that what it takes
// can be sent.
func FuzzParse(f *testing.F) {
	f.Add([]byte(pipeline))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		unpacked, err := Unpack("fuzz", content)
		if err != nil {
			return
		}
		doc, err := Parse("fuzz", unpacked)
		if err != nil {
			return
		}
		doc.DisableCaching()
		if _, err := proto.Marshal(doc.Spec); err != nil && !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("what was read cannot be sent: %v", err)
		}
	})
}
