package ir

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus reads the compiled pipelines of a directory tree: those under
// valid/ must be accepted and those under invalid/ refused.
func TestCorpus(t *testing.T) {
	root := os.Getenv("KFMESH_CORPUS")
	if root == "" {
		t.Skip("KFMESH_CORPUS names no directory of compiled pipelines")
	}
	for kind, valid := range map[string]bool{"valid": true, "invalid": false} {
		dir := filepath.Join(root, "kfp", kind)
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
				return err
			}
			t.Run(strings.TrimPrefix(path, dir+"/"), func(t *testing.T) {
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				spec, err := Parse(content)
				if err == nil {
					err = Validate(spec)
				}
				if valid != (err == nil) {
					t.Errorf("accepted: %v; %v", err == nil, err)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
