// Package upload finds the pipeline in an uploaded file: YAML or JSON as it is,
// or the one member of a zip or tar.gz archive. It does no I/O, and treats the
// file as hostile: sizes, member counts and paths are limited.
package upload

// MaxBytes is the largest file, and the largest content of an archive.
const MaxBytes = 32 << 20

// Unpack returns the pipeline spec in a file. The format is told by content,
// not by name; the name is for messages only.
func Unpack(fileName string, content []byte) ([]byte, error) { panic("soon") }
