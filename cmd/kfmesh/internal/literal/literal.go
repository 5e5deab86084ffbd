// Package literal reads the values of a secret or a config map as they are given on
// the command line: one by one, from files, or from a file of variables, in the
// notation of kubectl.
//
// No error of this package holds a value.
package literal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxFile is the largest file that is read; the server takes less than that of all
// values together.
const maxFile = 8 << 20

// Source is where values are given.
type Source struct {
	Literals []string // KEY=VALUE
	Files    []string // KEY=PATH, PATH, or a directory; the path "-" is standard input
	EnvFiles []string // files of KEY=VALUE lines
}

// Read returns all values by key. A key that is given twice is refused.
func (s Source) Read(stdin io.Reader, environ func(string) string) (map[string][]byte, error) {
	r := reader{values: map[string][]byte{}, stdin: stdin, environ: environ}
	for _, literal := range s.Literals {
		key, value, ok := strings.Cut(literal, "=")
		if !ok || key == "" {
			return nil, fault.Invalidf("--from-literal", "want KEY=VALUE, with a key before the first =")
		}
		if err := r.add("--from-literal", key, []byte(value)); err != nil {
			return nil, err
		}
	}
	for _, file := range s.Files {
		if err := r.file(file); err != nil {
			return nil, err
		}
	}
	for _, file := range s.EnvFiles {
		if err := r.envFile(file); err != nil {
			return nil, err
		}
	}
	return r.values, nil
}

type reader struct {
	values  map[string][]byte
	stdin   io.Reader
	environ func(string) string
}

func (r *reader) add(flag, key string, value []byte) error {
	if _, twice := r.values[key]; twice {
		return fault.Invalidf(flag, "key %q is given twice", key)
	}
	r.values[key] = value
	return nil
}

// file takes a file under a key, under its own name, or all files of a directory.
func (r *reader) file(source string) error {
	const flag = "--from-file"
	key, path, named := strings.Cut(source, "=")
	if !named {
		key, path = filepath.Base(source), source
	}
	if key == "" || path == "" || path == "-" && !named {
		return fault.Invalidf(flag, "%q: want KEY=PATH, a path, or KEY=- for standard input", source)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if named {
			return fault.Invalidf(flag, "%s is a directory: give it without a key, to take its files under their own names", path)
		}
		return r.directory(path)
	}
	content, err := r.read(flag, path)
	if err != nil {
		return err
	}
	return r.add(flag, key, content)
}

// directory takes the regular files of a directory.
func (r *reader) directory(dir string) error {
	const flag = "--from-file"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.Invalidf(flag, "%v", err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		content, err := r.read(flag, filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		if err := r.add(flag, entry.Name(), content); err != nil {
			return err
		}
	}
	return nil
}

// envFile takes lines of KEY=VALUE. Empty lines and those that begin with # are
// skipped; a key alone has its value in the environment.
func (r *reader) envFile(path string) error {
	const flag = "--from-env-file"
	content, err := r.read(flag, path)
	if err != nil {
		return err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	for i, line := range strings.Split(string(content), "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		switch {
		case key == "" || !utf8.ValidString(line):
			return fault.Invalidf(flag, "line %d of %s is not KEY=VALUE", i+1, path)
		case !ok:
			value = r.environ(key)
		}
		if err := r.add(flag, key, []byte(value)); err != nil {
			return fmt.Errorf("line %d of %s: %w", i+1, path, err)
		}
	}
	return nil
}

func (r *reader) read(flag, path string) ([]byte, error) {
	from := r.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.Invalidf(flag, "%v", err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	content, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	switch {
	case err != nil:
		return nil, fault.Invalidf(flag, "%s cannot be read: %v", path, err)
	case len(content) > maxFile:
		return nil, fault.Invalidf(flag, "%s is larger than %d MiB: keep large files in the object store or a volume", path, maxFile>>20)
	}
	return content, nil
}
