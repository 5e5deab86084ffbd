package staging

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestPlace(t *testing.T) {
	s := &gpuagentv1.Staging{
		Directories: []string{"${objects}/t", "rel", "/abs"},
		Downloads:   []*gpuagentv1.Transfer{{Uri: "/blobs/in", Path: "${objects}/in"}, {Uri: "/blobs/given", Path: "given", Expand: true}},
		Uploads:     []*gpuagentv1.Transfer{{Uri: "/blobs/t", Path: "${objects}/t"}},
		Returns:     []*gpuagentv1.ReturnedPath{{Path: "${objects}/t/out"}, {Path: "out"}},
	}
	here := Place{Dir: "/blobs", Base: "/blobs"}.Resolve(s)
	if len(here.GetDownloads()) != 1 || len(here.GetUploads()) != 0 || here.GetDirectories()[0] != "/blobs/t" {
		t.Errorf("beside the object store: %v", here)
	}
	place := Place{Dir: "/agent/r/objects", Base: "/blobs"}
	there := place.Resolve(s)
	if len(there.GetDownloads()) != 2 || there.GetDownloads()[0].GetPath() != "/agent/r/objects/in" || len(there.GetUploads()) != 1 {
		t.Errorf("elsewhere: %v", there)
	}
	if want := []string{"/agent/r/objects/t", "rel", "/abs"}; !slices.Equal(there.GetDirectories(), want) {
		t.Errorf("directories %v, want %v", there.GetDirectories(), want)
	}
	names := place.Names(s)
	for i, r := range there.GetReturns() {
		if got := names[r.GetPath()]; got != s.GetReturns()[i].GetPath() {
			t.Errorf("%s is called %q", r.GetPath(), got)
		}
	}
	if s.GetUploads()[0].GetPath() != "${objects}/t" {
		t.Error("Resolve has changed the staging")
	}
}

func TestExternalize(t *testing.T) {
	work := t.TempDir()
	place := Place{Dir: filepath.Join(work, "objects"), Base: "/blobs"}
	s := &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: "out"}, {Path: "link"}, {Path: "long"}, {Path: "gone/x"}}}
	outside := filepath.Join(t.TempDir(), "other")
	text := `{"uri":"` + place.Dir + `/a"}`
	for path, content := range map[string]string{"out": text, "long": text + text, outside: text} {
		if err := os.WriteFile(at(work, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(work, "link")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := place.Externalize(s, work, int64(len(text))); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{"out": `{"uri":"/blobs/a"}`, "long": text + text, outside: text} {
		if got, err := os.ReadFile(at(work, path)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
}

func TestBound(t *testing.T) {
	for name, tt := range map[string]struct {
		s    *gpuagentv1.Staging
		want bool
	}{
		"nothing":          {nil, false},
		"objects":          {&gpuagentv1.Staging{Directories: []string{"${objects}/t", "x"}}, false},
		"a shared folder":  {&gpuagentv1.Staging{Directories: []string{"/blobs/p/.workspace"}}, true},
		"read in place":    {&gpuagentv1.Staging{Reads: []string{"/data"}}, true},
		"an object":        {&gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "/blobs/x", Path: "x"}}}, false},
		"a bucket's":       {&gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "s3://b/x", Path: "x"}}}, false},
		"a file":           {&gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{{Uri: "file:///data/x", Path: "x"}}}, true},
		"to a file":        {&gpuagentv1.Staging{Uploads: []*gpuagentv1.Transfer{{Uri: "/data/x", Path: "x"}}}, true},
		"an absolute file": {&gpuagentv1.Staging{Files: []*gpuagentv1.InlineFile{{Path: "/etc/x"}}}, true},
	} {
		if got := Bound(tt.s, "/blobs"); got != tt.want {
			t.Errorf("%s: bound %v", name, got)
		}
	}
}

func TestFetch(t *testing.T) {
	work, store := t.TempDir(), disk(t.TempDir())
	if err := os.WriteFile(filepath.Join(string(store), "text"), []byte("at ${objects}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &gpuagentv1.Staging{Downloads: []*gpuagentv1.Transfer{
		{Uri: "gone", Path: "gone", Optional: true}, {Uri: "text", Path: "text", Expand: true},
	}}
	fill := func(text string) (string, error) { return text + "!", nil }
	if err := Before(t.Context(), s, work, store, fill); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(work, "text")); err != nil || string(got) != "at ${objects}!" {
		t.Errorf("fetched %q, %v", got, err)
	}
}
