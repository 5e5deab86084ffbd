// Package manifest reads what `kfmesh apply` is given: files of YAML or JSON with any
// number of objects in each. What an object says is for the server to check.
package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// Source says where manifests are.
type Source struct {
	Names     []string // files, directories, URLs, and - for standard input
	Recursive bool     // whether directories below directories count
	Stdin     io.Reader
}

// Read reads the objects of files, of the files of directories, of URLs, and of standard
// input.
func Read(ctx context.Context, from Source) ([]Manifest, error) {
	if len(from.Names) == 0 {
		return nil, fault.Invalidf("--filename", "is missing; give a file or directory of manifests, a URL, or - for standard input")
	}
	var all []Manifest
	for _, name := range from.Names {
		files, err := filesOf(name, from.Recursive)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := load(ctx, file, from.Stdin)
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
		return nil, fault.Invalidf("--filename", "holds no manifest: %s", strings.Join(from.Names, ", "))
	}
	return all, nil
}

// isURL reports whether a name is that of a page.
func isURL(name string) bool {
	return strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")
}

// filesOf are the manifests of a directory, or one file.
func filesOf(name string, recursive bool) ([]string, error) {
	if name == standard || isURL(name) {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != name && !recursive:
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	return files, nil
}

func load(ctx context.Context, name string, stdin io.Reader) ([]byte, error) {
	from := io.NopCloser(stdin)
	var err error
	switch {
	case isURL(name):
		from, err = fetch(ctx, name)
	case name != standard:
		from, err = os.Open(name)
	}
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	if len(data) > maxBytes {
		return nil, fault.Invalidf(name, "has more than %d bytes", maxBytes)
	}
	return data, nil
}

// fetchTimeout bounds how long a page may take.
const fetchTimeout = 30 * time.Second

// fetch reads a page. What it holds is to be closed.
func fetch(ctx context.Context, url string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := (&http.Client{Timeout: fetchTimeout}).Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the server answered %s", answer.Status), answer.Body.Close())
	}
	return answer.Body, nil
}

// split reads the objects of a file.
func split(name string, data []byte) ([]Manifest, error) {
	if name == standard {
		name = "standard input"
	}
	var all []Manifest
	line := 0 // of the file, that a document begins behind
	for n, document := range bytes.Split(append([]byte("\n"), data...), []byte("\n---")) {
		at := line
		line += bytes.Count(document, []byte("\n")) + 1
		if n > 0 { // what stands behind the dashes
			if end := bytes.IndexByte(document, '\n'); end >= 0 {
				document = document[end:]
			} else {
				document = nil
			}
		}
		document = bytes.TrimPrefix(document, []byte("\n"))
		converted, err := yaml.YAMLToJSON(document)
		if err != nil {
			return nil, fault.Invalidf(name, "is not YAML: %s", inFile(err, at))
		}
		if key, second := twice(document); second > 0 {
			return nil, fault.Invalidf(name, "line %d: the key %q is there twice", at+second, key)
		}
		if string(converted) == "null" {
			continue
		}
		place := name
		if len(all) > 0 {
			place = fmt.Sprintf("%s, object %d", name, len(all)+1)
		}
		found, err := read(place, converted)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) > 1 && all[0].Place == name { // it is one of several
		all[0].Place = name + ", object 1"
	}
	return all, nil
}

// read reads an object, or those of a list, which is how `kubectl get -o yaml` writes them.
func read(place string, data []byte) ([]Manifest, error) {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fault.Invalidf(place, "is not the manifest of an object: %s", mistyped(err))
	}
	if head.Kind == "" {
		return nil, fault.Invalidf(place, "names no kind; want apiVersion, kind, metadata and spec")
	}
	if !strings.HasSuffix(head.Kind, "List") {
		return []Manifest{{Place: place, Kind: head.Kind, Namespace: head.Metadata.Namespace, Name: head.Metadata.Name, JSON: string(data)}}, nil
	}
	var all []Manifest
	for i, item := range head.Items {
		found, err := read(fmt.Sprintf("%s, item %d", place, i+1), item)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
