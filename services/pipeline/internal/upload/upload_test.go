package upload

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

type member struct{ name, content string }

func zipped(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const spec = "pipelineInfo: {name: p}\n"

func TestUnpack(t *testing.T) {
	tests := map[string][]byte{
		"yaml":          []byte(spec),
		"zip":           zipped(t, member{"some.yml", spec}, member{"README", "text"}),
		"tar.gz":        gzipped(t, tarred(t, member{"a/b.json", spec})),
		"preferred":     zipped(t, member{"other.yaml", "x: 1"}, member{"pipeline.yaml", spec}),
		"dotted":        gzipped(t, tarred(t, member{"./pipeline.yaml", spec}, member{"./z.yaml", "x: 1"})),
		"with a folder": zipped(t, member{"folder/", ""}, member{"folder/p.yaml", spec}),
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Unpack("upload", content)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != spec {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	var many []member
	for i := range maxMembers + 1 {
		many = append(many, member{fmt.Sprintf("%d.txt", i), ""})
	}
	bomb := strings.Repeat(" ", MaxBytes+1)
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"empty":             {nil, "empty"},
		"too large":         {[]byte(bomb), "at most"},
		"escaping zip":      {zipped(t, member{"../p.yaml", spec}), "outside"},
		"absolute tar":      {gzipped(t, tarred(t, member{"/etc/p.yaml", spec})), "outside"},
		"windows path":      {zipped(t, member{`..\p.yaml`, spec}), "outside"},
		"zip bomb":          {zipped(t, member{"p.yaml", bomb}), "more than"},
		"tar bomb":          {gzipped(t, tarred(t, member{"p.txt", bomb})), "more than"},
		"many members":      {zipped(t, many...), "members"},
		"two candidates":    {zipped(t, member{"a.yaml", "a"}, member{"b.yaml", "b"}), "name the one"},
		"no candidate":      {zipped(t, member{"a.txt", "a"}), "holds no"},
		"nested":            {zipped(t, member{"a.zip", string(zipped(t, member{"p.yaml", spec}))}), "in an archive"},
		"gzip without tar":  {gzipped(t, []byte(spec)), "no tar.gz"},
		"truncated zip":     {zipped(t, member{"p.yaml", spec})[:40], "broken zip"},
		"truncated gzip":    {gzipped(t, tarred(t, member{"p.yaml", spec}))[:20], "broken"},
		"another archive":   {[]byte("BZh91AY"), "another kind"},
		"uncompressed tar":  {tarred(t, member{"p.yaml", spec}), "another kind"},
		"empty zip archive": {zipped(t), "holds no"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Unpack("upload", tt.content)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %d bytes, %v; want a refusal with %q", len(got), err, tt.want)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(spec))
	f.Add(zipped(f, member{"p.yaml", spec}))
	f.Add(gzipped(f, tarred(f, member{"p.yaml", spec})))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := Unpack("upload", content)
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
		if len(got) > MaxBytes {
			t.Errorf("unpacked %d bytes", len(got))
		}
	})
}
