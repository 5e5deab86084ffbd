// Package image says what a container image means where there are no containers:
// which interpreter, environment and working directory of this host stand in for
// it. The map is a YAML file:
//
//	images:
//	  - pattern: "python:*"        # path.Match, on the whole name; the first that matches counts
//	    python: tag                # the version in the image's tag, a version, or a path
//	  - pattern: "registry.example/team/torch:*"
//	    python: /opt/torch/bin/python3
//	    system-packages: true      # steps see what that interpreter has installed
//	    working-dir: /opt/torch
//	    entrypoint: ["python3", "-m", "serve"]
//	    env: {OMP_NUM_THREADS: "4"}
//
// Entries of the file come before the built-in ones, which map the official
// Python images to host interpreters. An image without an entry runs on the host
// as it is, and its workload carries a warning that says so.
package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fromTag as an Entry's Python asks for the version that the image's tag names.
const fromTag = "tag"

// Entry is what stands in for the images that match a pattern.
type Entry struct {
	Pattern        string            `yaml:"pattern"`
	Python         string            `yaml:"python"`
	SystemPackages bool              `yaml:"system-packages"`
	WorkingDir     string            `yaml:"working-dir"`
	Entrypoint     []string          `yaml:"entrypoint"`
	Env            map[string]string `yaml:"env"`
}

// Map is an ordered list of entries.
type Map struct{ entries []Entry }

// builtin are the entries that every map ends with.
func builtin() []Entry {
	return []Entry{
		{Pattern: "python", Python: fromTag},
		{Pattern: "python:*", Python: fromTag},
		{Pattern: "*/python:*", Python: fromTag},
		{Pattern: "*/*/python:*", Python: fromTag},
	}
}

// Load reads a map from a file. An empty name gives the built-in map.
func Load(name string) (*Map, error) {
	if name == "" {
		return &Map{entries: builtin()}, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read image map: %w", err)
	}
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("image map %s: %w", name, err)
	}
	return m, nil
}

func parse(data []byte) (*Map, error) {
	var file struct {
		Images []Entry `yaml:"images"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i, e := range file.Images {
		if _, err := path.Match(e.Pattern, ""); err != nil || e.Pattern == "" {
			return nil, fmt.Errorf("images[%d].pattern: %q is no pattern: want an image name in which * stands for anything but a slash", i, e.Pattern)
		}
	}
	return &Map{entries: append(file.Images, builtin()...)}, nil
}

// Lookup returns what stands in for an image, and whether an entry says so.
// Without one, the host as it is does, with the packages it has.
func (m *Map) Lookup(image string) (Entry, bool) {
	name, _, _ := strings.Cut(image, "@") // a digest pins bytes that do not run here
	for _, e := range m.entries {
		if ok, err := path.Match(e.Pattern, name); ok && err == nil {
			if e.Python == fromTag {
				e.Python = tagVersion(name)
			}
			return e, true
		}
	}
	return Entry{SystemPackages: true}, false
}

// tagVersion returns the leading version of an image's tag: "3.11" of
// "python:3.11-slim", empty of "python:latest".
func tagVersion(name string) string {
	tag := name[strings.LastIndexByte(name, '/')+1:]
	_, tag, _ = strings.Cut(tag, ":")
	end := strings.IndexFunc(tag, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		tag = tag[:end]
	}
	return strings.Trim(tag, ".")
}
