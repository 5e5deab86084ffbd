// Package upload finds the pipeline in an uploaded file: YAML or JSON as it is,
// or the one member of a zip or tar.gz archive. It does no I/O, and treats the
// file as hostile: sizes, member counts and paths are limited, and archives in
// archives are refused.
package upload

import (
	"bytes"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	// MaxBytes is the largest file, and the largest content of an archive.
	MaxBytes = 32 << 20
	// maxMembers is the largest number of files and folders in an archive.
	maxMembers = 1000
)

// Unpack returns the pipeline spec in a file. The format is told by content,
// not by name; the name is for messages only.
func Unpack(fileName string, content []byte) ([]byte, error) {
	if len(content) > MaxBytes {
		return nil, fault.Invalidf(field, "%q is %d bytes; at most %d are taken", fileName, len(content), MaxBytes)
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, fault.Invalidf(field, "%q is empty; it must be a compiled pipeline", fileName)
	}
	switch sniff(content) {
	case zipFormat:
		return unzip(fileName, content)
	case gzipFormat:
		return untar(fileName, content)
	case otherArchive:
		return nil, fault.Invalidf(field, "%q is an archive of another kind; "+
			"take YAML, JSON, zip or tar.gz", fileName)
	}
	return content, nil
}

// field names the upload in violations, as the multipart field is called.
const field = "uploadfile"

// format is what a file is, by its first bytes.
type format int

const (
	plain format = iota
	zipFormat
	gzipFormat
	otherArchive
)

// sniff tells the format by the magic numbers of zip, gzip, and of the archives
// that are not taken: bzip2, xz, zstd, 7z and bare tar.
func sniff(content []byte) format {
	for _, magic := range []struct {
		prefix string
		format format
	}{
		{"PK\x03\x04", zipFormat},
		{"PK\x05\x06", zipFormat},
		{"\x1f\x8b", gzipFormat},
		{"BZh", otherArchive},
		{"\xfd7zXZ\x00", otherArchive},
		{"\x28\xb5\x2f\xfd", otherArchive},
		{"7z\xbc\xaf\x27\x1c", otherArchive},
	} {
		if bytes.HasPrefix(content, []byte(magic.prefix)) {
			return magic.format
		}
	}
	const tarMagicAt = 257
	if len(content) > tarMagicAt && bytes.HasPrefix(content[tarMagicAt:], []byte("ustar")) {
		return otherArchive
	}
	return plain
}
