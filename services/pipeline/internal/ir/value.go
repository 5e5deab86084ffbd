package ir

import "time"

// Values are the inputs or outputs of a task as it ran. Parameter values are
// what encoding/json makes: nil, bool, float64, string, []any, map[string]any; or a
// *Large in the place of one.
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

// Int is an integer that JSON may spell as a number or, as protobuf does with
// 64-bit ones, as a string.
type Int int64

// Duration is a protobuf JSON duration such as "1.5s".
type Duration time.Duration
