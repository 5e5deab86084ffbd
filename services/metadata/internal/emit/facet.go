package emit

import (
	"google.golang.org/protobuf/types/known/structpb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// facetsOf are the facets of an artifact: its schema, where it says one.
func facetsOf(a *metadatav1.Artifact) map[string]any {
	fields := schemaOf(a)
	if len(fields) == 0 {
		return nil
	}
	return map[string]any{"schema": map[string]any{"_producer": producer, "_schemaURL": dataSchema, "fields": fields}}
}

// schemaOf are the fields that an artifact says that it has: as the facet of an
// event that told of it, or under "schema" of its metadata, as that facet or as a
// list of fields, each of which has a name.
func schemaOf(a *metadatav1.Artifact) []any {
	said := a.GetMetadata().GetFields()["schema"]
	if facet := a.GetCustomProperties()["schema"].GetStructValue(); facet != nil {
		said = structpb.NewStructValue(facet)
	}
	list := said.GetListValue()
	if list == nil {
		list = said.GetStructValue().GetFields()["fields"].GetListValue()
	}
	var fields []any
	for _, one := range list.GetValues() {
		said := one.GetStructValue().GetFields()
		if said["name"].GetStringValue() == "" {
			return nil // it means something else
		}
		field := map[string]any{}
		for _, name := range []string{"name", "type", "description"} {
			if text := said[name].GetStringValue(); text != "" {
				field[name] = text
			}
		}
		fields = append(fields, field)
	}
	return fields
}
