package trainjob_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// trainJob finds the documents that are TrainJobs.
var trainJob = regexp.MustCompile(`(?m)^kind: *"?TrainJob"? *$`)

// TestCorpus reads the TrainJobs in a directory tree of manifests: all must be accepted but
// those that Flux is to run, of whose runtime there is none.
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
		for document := range bytes.SplitSeq(content, []byte("\n---")) {
			if !trainJob.Match(document) {
				continue
			}
			t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
				data, err := yaml.YAMLToJSON(document)
				if err != nil {
					t.Fatal(err)
				}
				job, err := trainjob.Parse(data, "ns", find(t))
				switch flux := strings.Contains(string(document), "flux-distributed"); {
				case flux && err == nil:
					t.Fatal("a job of Flux was accepted")
				case flux:
					t.Log(err)
				case err != nil:
					t.Fatal(err)
				default:
					t.Log(groups(job), job.Warnings)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
