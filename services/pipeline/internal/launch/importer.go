package launch

import (
	"maps"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// Imported is the result of an importer.
type Imported struct {
	Values ir.Values // the artifact, under the importer's output name
	// Reimport asks for a new artifact even if one with the same URI, type and
	// metadata is known.
	Reimport bool
}

// Import makes the artifact of an importer task.
func Import(req Request) (*Imported, error) {
	c, executor, err := req.component()
	if err != nil {
		return nil, err
	}
	if executor.Importer == nil {
		return nil, fault.Internalf(nil, "component %q is no importer", req.Component)
	}
	inputs, err := req.inputs(c)
	if err != nil {
		return nil, err
	}
	scope := req.scope(c, inputs)
	uri, err := importURI(scope, executor.Importer, inputs)
	if err != nil {
		return nil, err
	}
	metadata, err := resolveMap(scope, executor.Importer.Metadata)
	if err != nil {
		return nil, err
	}
	if req.FillsWorkspace() {
		metadata[inWorkspace] = true
	}
	imported := &Imported{Reimport: executor.Importer.Reimport}
	imported.Values.Artifacts = map[string][]ir.Artifact{}
	for name := range c.OutputDefinitions.Artifacts {
		imported.Values.Artifacts[name] = []ir.Artifact{{
			Name: name, Type: executor.Importer.TypeSchema.SchemaTitle, URI: uri, Metadata: metadata,
		}}
	}
	return imported, nil
}

// importURI is the URI the importer names: that of its input parameter, or a
// constant that the SDK writes as well when it knows it.
func importURI(scope *placeholder.Scope, importer *ir.Importer, inputs ir.Values) (string, error) {
	value := importer.ArtifactURI.Constant
	if name := importer.ArtifactURI.RuntimeParameter; name != "" {
		value = inputs.Parameters[name]
	}
	text, _ := value.(string)
	uri, err := scope.Resolve(text)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(uri) == "" {
		return "", fault.New(fault.Invalid, "the importer got no URI; it must be text such as gs://bucket/data.csv")
	}
	return uri, nil
}

// resolveMap resolves placeholders in the keys and values of metadata.
func resolveMap(scope *placeholder.Scope, m map[string]any) (map[string]any, error) {
	resolved := make(map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		name, err := scope.Resolve(key)
		if err != nil {
			return nil, err
		}
		value, err := resolveAny(scope, m[key])
		if err != nil {
			return nil, err
		}
		resolved[name] = value
	}
	return resolved, nil
}

func resolveAny(scope *placeholder.Scope, value any) (any, error) {
	switch v := value.(type) {
	case string:
		return scope.Resolve(v)
	case map[string]any:
		return resolveMap(scope, v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			resolved, err := resolveAny(scope, item)
			if err != nil {
				return nil, err
			}
			list[i] = resolved
		}
		return list, nil
	}
	return value, nil
}
