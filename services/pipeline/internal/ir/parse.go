package ir

import (
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// documents are the parts of a compiled pipeline as they were written.
type documents struct {
	spec     map[string]any
	platform map[string]any // nil without one
}

// Parse reads a compiled pipeline: YAML of one document or two (the second
// {platforms: {kubernetes: ...}}), or JSON, either the spec itself or
// {"pipeline_spec": ..., "platform_spec": ...}. It refuses what is not a
// mapping of the right shape with fault.Invalid; whether the pipeline makes
// sense is for Validate to say.
func Parse(content []byte) (*Spec, error) {
	docs, err := readDocuments(content)
	if err != nil {
		return nil, err
	}
	return docs.decode()
}

// FromStruct reads the pipeline_spec of an API message.
func FromStruct(s *structpb.Struct) (*Spec, error) {
	docs, err := split([]map[string]any{s.AsMap()})
	if err != nil {
		return nil, err
	}
	return docs.decode()
}

// ToStruct reads the same input as Parse into what the API shows as
// pipeline_spec: the structure as it was written, field names and unknown
// fields kept, wrapped as {"pipeline_spec", "platform_spec"} when there is a
// platform document.
func ToStruct(content []byte) (*structpb.Struct, error) {
	docs, err := readDocuments(content)
	if err != nil {
		return nil, err
	}
	shown := docs.spec
	if docs.platform != nil {
		shown = map[string]any{"pipeline_spec": docs.spec, "platform_spec": docs.platform}
	}
	s, err := structpb.NewStruct(shown)
	if err != nil {
		return nil, fault.Invalidf("", "the pipeline holds a value that JSON cannot: %v", err)
	}
	return s, nil
}

// readDocuments reads YAML or JSON and tells the spec from the platform.
func readDocuments(content []byte) (documents, error) {
	maps, err := readMaps(content)
	if err != nil {
		return documents{}, err
	}
	return split(maps)
}

// split tells the spec from the platform among the documents of a file.
func split(maps []map[string]any) (documents, error) {
	if len(maps) == 1 {
		if spec, ok := first(maps[0], "pipeline_spec", "pipelineSpec").(map[string]any); ok {
			platform, _ := first(maps[0], "platform_spec", "platformSpec").(map[string]any)
			return documents{spec: spec, platform: platform}, nil
		}
	}
	var docs documents
	for _, m := range maps {
		_, isPlatform := m["platforms"]
		switch {
		case isPlatform && docs.platform == nil:
			docs.platform = m
		case !isPlatform && docs.spec == nil:
			docs.spec = m
		default:
			return documents{}, fault.Invalidf("", "the file holds %d documents; "+
				"a pipeline is one document, and its Kubernetes platform spec may be a second", len(maps))
		}
	}
	if docs.spec == nil {
		return documents{}, fault.Invalidf("", "the file holds no pipeline: "+
			"a compiled pipeline has pipelineInfo, root, components and deploymentSpec")
	}
	return docs, nil
}

// first returns the value of the first key that m has.
func first(m map[string]any, keys ...string) any {
	i := slices.IndexFunc(keys, func(k string) bool { return m[k] != nil })
	if i < 0 {
		return nil
	}
	return m[keys[i]]
}

func (docs documents) decode() (*Spec, error) {
	spec := &Spec{}
	d := newDecoder()
	d.decode(docs.spec, spec, "")
	if kubernetes, ok := kubernetesPlatform(docs.platform); ok {
		spec.Platform = &Platform{}
		d.decode(kubernetes, spec.Platform, "platforms.kubernetes")
	}
	if len(d.violations) > 0 {
		return nil, fault.InvalidAll(d.violations).WithReason("NOT_A_PIPELINE")
	}
	return spec, nil
}

func kubernetesPlatform(platform map[string]any) (any, bool) {
	platforms, _ := platform["platforms"].(map[string]any)
	kubernetes, ok := platforms["kubernetes"]
	return kubernetes, ok && kubernetes != nil
}
