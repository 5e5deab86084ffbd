package ir

import (
	"strings"
	"time"
)

// Values are the inputs or outputs of a task as it ran. Parameter values are
// what encoding/json makes: nil, bool, float64, string, []any, map[string]any.
type Values struct {
	Parameters map[string]any
	Artifacts  map[string][]Artifact
}

// Artifact is a runtime artifact.
type Artifact struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"` // schema title, such as "system.Model"
	URI      string         `json:"uri"`
	Metadata map[string]any `json:"metadata"`
	UID      string         `json:"uid"`    // in the metadata service
	Digest   string         `json:"digest"` // "sha256:<hex>", empty when unknown
}

// IsChannel reports whether an input or output was made by the compiler, to pass
// a value into a task that refers to it or out of a loop or condition, and not
// declared by the author of a pipeline.
func IsChannel(name string) bool { return strings.HasPrefix(name, "pipelinechannel--") }

// Int is an integer that JSON may spell as a number or, as protobuf does with
// 64-bit ones, as a string.
type Int int64

// Duration is a protobuf JSON duration such as "1.5s".
type Duration time.Duration
