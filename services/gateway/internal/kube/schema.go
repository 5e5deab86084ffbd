package kube

import (
	"context"
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Schema describes the objects of a kind, in OpenAPI v3 with the extensions of Kubernetes.
type Schema struct {
	Description string
	Fields      map[string]any // by name, such as spec; without apiVersion, kind and metadata
}

// name is what the kind is called among the schemas of its version: the group the other way
// round, as Kubernetes has it.
func (r *Resource) schemaName() string {
	parts := strings.Split(r.Group, ".")
	if r.Group == "" {
		parts = []string{"core", "api", "k8s", "io"}
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(append(parts, r.Version, r.Kind), ".")
}

// schema describes whole objects of the kind.
func (r *Resource) schema(ctx context.Context) (Object, error) {
	s, err := r.Schema(ctx)
	if err != nil {
		return nil, err
	}
	properties := Object{
		"apiVersion": Object{"type": "string", "description": "API version: " + r.APIVersion() + "."},
		"kind":       Object{"type": "string", "description": "Kind: " + r.Kind + "."},
		"metadata":   metadataSchema(),
	}
	for name, field := range s.Fields {
		properties[name] = field
	}
	return Object{
		"type": "object", "description": s.Description, "properties": properties,
		"x-kubernetes-group-version-kind": []any{Object{"group": r.Group, "version": r.Version, "kind": r.Kind}},
	}, nil
}

// metadataSchema describes metadata, as far as it means something.
func metadataSchema() Object {
	text := func(description string) Object { return Object{"type": "string", "description": description} }
	texts := func(description string) Object {
		return Object{"type": "object", "description": description, "additionalProperties": Object{"type": "string"}}
	}
	return Object{
		"type": "object", "description": "Name, namespace, labels and annotations.", "x-kubernetes-preserve-unknown-fields": true,
		"properties": Object{
			"name": text("Name, unique among objects of the kind in a namespace."), "namespace": text("Namespace."),
			"generateName": text("What a name that is made up begins with."), "labels": texts("Labels to select by."),
			"annotations": texts("Notes; some say how a job is placed."), "uid": text("The server's to say."),
			"resourceVersion":   text("Revision at which it last changed. A change that names another is refused."),
			"generation":        Object{"type": "integer", "format": "int64", "description": "Counts the changes. The server's to say."},
			"creationTimestamp": Object{"type": "string", "format": "date-time", "description": "When it was made. The server's to say."},
		},
	}
}

// types say how the objects of the resource are made up, as far as that is known: lists
// whose elements have keys are merged element by element.
func (r *Resource) types(ctx context.Context) (managedfields.TypeConverter, error) {
	if r.Schema == nil {
		return managedfields.NewDeducedTypeConverter(), nil
	}
	described, err := r.schema(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(described)
	if err != nil {
		return nil, fault.Internalf(err, "the schema of %s cannot be written", r.Kind)
	}
	read := &spec.Schema{}
	if err := json.Unmarshal(data, read); err != nil {
		return nil, fault.Internalf(err, "the schema of %s cannot be read", r.Kind)
	}
	return managedfields.NewTypeConverter(map[string]*spec.Schema{r.schemaName(): read}, true)
}
