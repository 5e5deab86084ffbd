package staging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// linked is a work directory with a file, and a secret outside it.
func linked(t *testing.T) (work, secret string) {
	t.Helper()
	work, secret = t.TempDir(), filepath.Join(t.TempDir(), "secret")
	for path, content := range map[string]string{filepath.Join(work, "file"): "mine", secret: "secret"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(work, "tree"), 0o700); err != nil {
		t.Fatal(err)
	}
	return work, secret
}

func TestLinksThatComeBack(t *testing.T) {
	work, secret := linked(t)
	for name, target := range map[string]string{"inside": "file", "outside": secret, "climbing": "../" + filepath.Base(work) + "/../x", "gone": "nothing"} {
		if err := os.Symlink(target, filepath.Join(work, name)); err != nil {
			t.Fatal(err)
		}
		files, err := Return(t.Context(), &gpuagentv1.Staging{Returns: []*gpuagentv1.ReturnedPath{{Path: name}}}, work, 100, nil)
		if err != nil {
			t.Error(err)
		}
		if want := name == "inside"; (len(files) == 1) != want || want && string(files[0].GetContent()) != "mine" {
			t.Errorf("%s came back as %v", name, files)
		}
	}
}

func TestLinksThatAreStored(t *testing.T) {
	work, secret := linked(t)
	for name, tt := range map[string]struct {
		target string
		upload string
		refuse bool
	}{
		"file-inside":  {"file", "file-inside", false},
		"file-outside": {secret, "file-outside", true},
		"tree/link":    {"../file", "tree", true},
	} {
		if err := os.Symlink(tt.target, filepath.Join(work, name)); err != nil {
			t.Fatal(err)
		}
		s := &gpuagentv1.Staging{Uploads: []*gpuagentv1.Transfer{{Uri: "kept", Path: tt.upload}}}
		_, err := After(t.Context(), s, work, disk(t.TempDir()))
		if (err != nil) != tt.refuse || tt.refuse && !strings.Contains(err.Error(), "is a link to") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
