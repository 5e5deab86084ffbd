package kind_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// jobOf finds the documents that are jobs of a kind there is.
var jobOf = regexp.MustCompile(`(?m)^kind: *"?(TFJob|PyTorchJob|MXJob|XGBoostJob|MPIJob|PaddleJob|JAXJob)"? *$`)

// TestCorpus reads the jobs in a directory tree of manifests: all must be accepted.
func TestCorpus(t *testing.T) {
	root := os.Getenv("KFMESH_TRAINING_CORPUS")
	if root == "" {
		t.Skip("KFMESH_TRAINING_CORPUS names no directory of manifests")
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range bytes.Split(content, []byte("\n---")) {
			if !jobOf.Match(document) {
				continue
			}
			t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
				data, err := yaml.YAMLToJSON(document)
				if err != nil {
					t.Fatal(err)
				}
				job, err := kind.Parse(data)
				if err != nil {
					t.Fatal(err)
				}
				t.Log(job.Kind.Name, shown(job.Spec()), job.Warnings)
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
