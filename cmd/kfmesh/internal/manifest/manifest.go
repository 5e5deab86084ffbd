// Package manifest reads what `kfmesh apply` is given: files of YAML or JSON with any
// number of objects in each. What an object says is for the server to check.
package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxBytes is the largest file that is read.
const maxBytes = 16 << 20

// standard stands for standard input.
const standard = "-"

// Manifest is one object.
type Manifest struct {
	Place     string // where it was found, such as "job.yaml" or "job.yaml, object 2"
	Kind      string
	Namespace string // empty when it names none
	Name      string
	JSON      string
}

// Read reads the objects of files, of the files of directories, and of standard input.
func Read(names []string, stdin io.Reader) ([]Manifest, error) {
	if len(names) == 0 {
		return nil, fault.Invalidf("--filename", "is missing; give a file or directory of manifests, or - for standard input")
	}
	var all []Manifest
	for _, name := range names {
		files, err := filesOf(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := load(file, stdin)
			if err != nil {
				return nil, err
			}
			found, err := split(file, data)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	if len(all) == 0 {
		return nil, fault.Invalidf("--filename", "holds no manifest: %s", strings.Join(names, ", "))
	}
	return all, nil
}

// filesOf are the manifests of a directory, not of those below it, or one file.
func filesOf(name string) ([]string, error) {
	if name == standard {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(e.Name())))
	})
	files := make([]string, len(entries))
	for i, e := range entries {
		files[i] = filepath.Join(name, e.Name())
	}
	return files, nil
}

func load(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != standard {
		file, err := os.Open(name)
		if err != nil {
			return nil, fault.Invalidf(name, "cannot be read: %v", err)
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	if len(data) > maxBytes {
		return nil, fault.Invalidf(name, "has more than %d bytes", maxBytes)
	}
	return data, nil
}

// split reads the objects of a file.
func split(name string, data []byte) ([]Manifest, error) {
	if name == standard {
		name = "standard input"
	}
	var all []Manifest
	for n, document := range bytes.Split(append([]byte("\n"), data...), []byte("\n---")) {
		if n > 0 { // what stands behind the dashes
			if end := bytes.IndexByte(document, '\n'); end >= 0 {
				document = document[end:]
			} else {
				document = nil
			}
		}
		converted, err := yaml.YAMLToJSON(document)
		if err != nil {
			return nil, fault.Invalidf(name, "is not YAML: %v", err)
		}
		if string(converted) == "null" {
			continue
		}
		place := name
		if len(all) > 0 {
			place = fmt.Sprintf("%s, object %d", name, len(all)+1)
		}
		m, err := read(place, converted)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func read(place string, data []byte) (Manifest, error) {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Manifest{}, fault.Invalidf(place, "is not the manifest of an object: %v", err)
	}
	if head.Kind == "" {
		return Manifest{}, fault.Invalidf(place, "names no kind; want apiVersion, kind, metadata and spec")
	}
	return Manifest{Place: place, Kind: head.Kind, Namespace: head.Metadata.Namespace, Name: head.Metadata.Name, JSON: string(data)}, nil
}
