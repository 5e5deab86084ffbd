package upload

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// chooser reads the members of an archive and keeps the pipeline.
type chooser struct {
	archive string // name of the uploaded file
	members int
	left    int64 // bytes that may still be unpacked
	found   map[string][]byte
}

func newChooser(archive string) *chooser {
	return &chooser{archive: archive, left: MaxBytes, found: map[string][]byte{}}
}

func unzip(name string, content []byte) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fault.Invalidf(field, "%q is a broken zip archive: %v", name, err)
	}
	c := newChooser(name)
	for _, file := range archive.File {
		if err := c.admit(file.Name); err != nil {
			return nil, err
		}
		if !file.Mode().IsRegular() {
			continue
		}
		r, err := file.Open()
		if err != nil {
			return nil, fault.Invalidf(field, "%q: member %q cannot be read: %v", name, file.Name, err)
		}
		err = c.read(file.Name, r)
		r.Close() // only reads
		if err != nil {
			return nil, err
		}
	}
	return c.choose()
}

func untar(name string, content []byte) ([]byte, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fault.Invalidf(field, "%q is broken gzip: %v", name, err)
	}
	c := newChooser(name)
	// Headers and padding count as well, or they would unpack without a limit.
	archive := tar.NewReader(io.LimitReader(compressed, 2*MaxBytes))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return c.choose()
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return nil, fault.Invalidf(field, "%q is no tar.gz archive, or a broken one: %v", name, err)
		}
		if err := c.admit(header.Name); err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := c.read(header.Name, archive); err != nil {
			return nil, err
		}
	}
}

// admit refuses members that no honest archive of a pipeline has.
func (c *chooser) admit(member string) error {
	c.members++
	slashed := strings.ReplaceAll(member, `\`, "/")
	switch {
	case c.members > maxMembers:
		return fault.Invalidf(field, "%q has more than %d members", c.archive, maxMembers)
	case path.IsAbs(slashed), len(slashed) > 1 && slashed[1] == ':', slices.Contains(strings.Split(slashed, "/"), ".."):
		return fault.Invalidf(field, "%q: member %q points outside the archive", c.archive, member)
	}
	return nil
}

// read keeps a member that may be the pipeline.
func (c *chooser) read(member string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, c.left+1))
	if err != nil {
		return fault.Invalidf(field, "%q: member %q cannot be read: %v", c.archive, member, err)
	}
	if c.left -= int64(len(content)); c.left < 0 {
		return fault.Invalidf(field, "%q unpacks to more than %d bytes", c.archive, MaxBytes)
	}
	if sniff(content) != plain {
		return fault.Invalidf(field, "%q: member %q is an archive in an archive; pack the pipeline itself", c.archive, member)
	}
	if slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(member))) {
		c.found[path.Clean(member)] = content
	}
	return nil
}

// choose returns pipeline.yaml, or the only candidate.
func (c *chooser) choose() ([]byte, error) {
	if content, ok := c.found["pipeline.yaml"]; ok {
		return content, nil
	}
	switch len(c.found) {
	case 0:
		return nil, fault.Invalidf(field, "%q holds no .yaml, .yml or .json file", c.archive)
	case 1:
		for _, content := range c.found {
			return content, nil
		}
	}
	return nil, fault.Invalidf(field, "%q holds %d pipelines; name the one to use pipeline.yaml", c.archive, len(c.found))
}
