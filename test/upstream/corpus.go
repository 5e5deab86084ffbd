package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// documents reads the objects of training in the YAML files below a directory. Names are those of files, with a number
// where a file has more than one.
func documents(dir string) (names []string, objects []map[string]any, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for i, document := range bytes.Split(content, []byte("\n---")) {
			object, err := object(document)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			version, _ := object["apiVersion"].(string)
			if !strings.HasPrefix(version, "kubeflow.org/") && !strings.HasPrefix(version, "trainer.kubeflow.org/") {
				continue
			}
			names, objects = append(names, indexed(strings.TrimSuffix(name, ".yaml"), i)), append(objects, object)
		}
		return nil
	})
	return names, objects, err
}

func object(document []byte) (map[string]any, error) {
	data, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	return object, json.Unmarshal(data, &object)
}
