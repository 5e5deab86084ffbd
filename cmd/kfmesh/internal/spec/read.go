// Package spec reads what `kfmesh run` is given: a compiled pipeline, plain or
// packed, and values for its parameters.
//
// It checks no more than it needs to read a file and to give parameters their
// declared types; whether a pipeline is sound is for the server to say.
package spec

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// MaxBytes is the largest pipeline file, packed or unpacked.
const MaxBytes = 32 << 20

// maxArchive is how much of an unpacked archive is read to find the pipeline.
const maxArchive = 4 * MaxBytes

// Standard is the file name that stands for standard input.
const Standard = "-"

// ReadFile returns the content of a file, or of stdin for "-", unpacked or not
// as it is.
func ReadFile(name string, stdin io.Reader) ([]byte, error) {
	if strings.EqualFold(filepath.Ext(name), ".py") {
		compiled := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)) + ".yaml"
		return nil, fault.Invalidf(name, "this is Python source: compile it with `kfp dsl compile --py %s --output %s`, then give %s",
			name, compiled, compiled)
	}
	if name == Standard {
		return readAll(name, stdin)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, openFault(name, err)
	}
	defer file.Close()
	return readAll(name, file)
}

func openFault(name string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fault.Invalidf(name, "there is no such file; give a compiled pipeline (.yaml, .json, .zip or .tar.gz), or - for standard input")
	}
	return fault.Invalidf(name, "cannot be read: %v", err)
}

func readAll(name string, r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be read: %v", err)
	}
	if len(content) > MaxBytes {
		return nil, fault.Invalidf(name, "is larger than %d MiB", MaxBytes>>20)
	}
	return content, nil
}

// Unpack returns the pipeline inside a zip or tar.gz, told by its first bytes,
// and anything else as it is. As the kfp SDK does, it takes the one YAML or JSON
// file of an archive, or pipeline.yaml among several.
func Unpack(name string, content []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return unzip(name, content)
	case bytes.HasPrefix(content, []byte{0x1f, 0x8b}):
		return untar(name, content)
	}
	return content, nil
}

func unzip(name string, content []byte) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fault.Invalidf(name, "is not a sound zip file: %v", err)
	}
	var members []string
	for _, file := range archive.File {
		members = append(members, file.Name)
	}
	chosen, err := choose(name, members)
	if err != nil {
		return nil, err
	}
	member, err := archive.Open(chosen)
	if err != nil {
		return nil, fault.Invalidf(name, "%s in it cannot be read: %v", chosen, err)
	}
	defer member.Close()
	return readAll(name+":"+chosen, member)
}

func untar(name string, content []byte) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fault.Invalidf(name, "is not a sound gzip file: %v", err)
	}
	archive := tar.NewReader(io.LimitReader(unzipped, maxArchive))
	found := map[string][]byte{}
	var members []string
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalidf(name, "is not a sound tar.gz file of at most %d MiB unpacked: %v", maxArchive>>20, err)
		}
		if header.Typeflag != tar.TypeReg || !isPipeline(header.Name) {
			continue
		}
		if found[header.Name], err = readAll(name+":"+header.Name, archive); err != nil {
			return nil, err
		}
		members = append(members, header.Name)
	}
	chosen, err := choose(name, members)
	if err != nil {
		return nil, err
	}
	return found[chosen], nil
}

// choose picks the pipeline among the members of an archive.
func choose(name string, members []string) (string, error) {
	members = slices.DeleteFunc(members, func(m string) bool { return !isPipeline(m) })
	if len(members) == 1 {
		return members[0], nil
	}
	for _, member := range members {
		if path.Base(member) == "pipeline.yaml" {
			return member, nil
		}
	}
	if len(members) == 0 {
		return "", fault.Invalidf(name, "holds no .yaml or .json file")
	}
	return "", fault.Invalidf(name, "holds %d pipelines (%s) and none is called pipeline.yaml", len(members), strings.Join(members, ", "))
}

func isPipeline(member string) bool {
	switch strings.ToLower(path.Ext(member)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// baseName is the name of a file without folders and known extensions.
func baseName(name string) string {
	base := filepath.Base(name)
	for _, ext := range []string{".tar.gz", ".tgz", ".zip", ".yaml", ".yml", ".json"} {
		if cut, ok := strings.CutSuffix(base, ext); ok && cut != "" {
			return cut
		}
	}
	if base == Standard {
		return "pipeline"
	}
	return base
}
