package ir

import "google.golang.org/protobuf/types/known/structpb"

// Parse reads a compiled pipeline: YAML of one document or two (the second
// {platforms: {kubernetes: ...}}), or JSON, either the spec itself or
// {"pipeline_spec": ..., "platform_spec": ...}. It refuses what is not a
// mapping of the right shape with fault.Invalid; whether the pipeline makes
// sense is for Validate to say.
func Parse(content []byte) (*Spec, error) { panic("soon") }

// FromStruct reads the pipeline_spec of an API message.
func FromStruct(s *structpb.Struct) (*Spec, error) { panic("soon") }

// ToStruct reads the same input as Parse into what the API shows as
// pipeline_spec: the structure as it was written, field names and unknown
// fields kept, wrapped as {"pipeline_spec", "platform_spec"} when there is a
// platform document.
func ToStruct(content []byte) (*structpb.Struct, error) { panic("soon") }
