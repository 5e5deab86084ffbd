package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Document is a pipeline as CreateRun takes it, with what it declares.
type Document struct {
	// Name of the pipeline, or of its file when it has none.
	Name string
	// Spec is the IR, or {"pipeline_spec", "platform_spec"} when the file had a
	// second document.
	Spec *structpb.Struct
	// Types holds the type of each parameter by its name, such as "NUMBER_INTEGER".
	Types map[string]string
	// Required lists the parameters without a default, sorted.
	Required []string
}

// Parse reads an unpacked pipeline.
func Parse(name string, content []byte) (*Document, error) {
	documents, err := decode(name, content)
	if err != nil {
		return nil, err
	}
	body := documents[0]
	if len(documents) > 1 {
		body = map[string]any{"pipeline_spec": documents[0], "platform_spec": documents[1]}
	}
	spec, err := toStruct(body)
	if err != nil {
		return nil, fault.Invalidf(name, "cannot be written as JSON: %v", err)
	}
	return Stored(baseName(name), spec), nil
}

// Stored reads a spec that the server keeps; name is what its pipeline is called
// if the spec does not say.
func Stored(name string, spec *structpb.Struct) *Document {
	doc := &Document{Name: name, Spec: spec, Types: map[string]string{}}
	ir := doc.ir()
	if given := child(ir, "pipelineInfo").GetFields()["name"].GetStringValue(); given != "" {
		doc.Name = given
	}
	declared := child(ir, "root", "inputDefinitions", "parameters").GetFields()
	for _, parameter := range slices.Sorted(maps.Keys(declared)) {
		fields := declared[parameter].GetStructValue().GetFields()
		doc.Types[parameter] = fields["parameterType"].GetStringValue()
		if fields["defaultValue"] == nil && !fields["isOptional"].GetBoolValue() {
			doc.Required = append(doc.Required, parameter)
		}
	}
	return doc
}

// decode returns one or two YAML documents, each a mapping.
func decode(name string, content []byte) ([]map[string]any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var documents []map[string]any
	for {
		var document map[string]any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalidf(name, "is not a compiled pipeline in YAML or JSON: %v", err)
		}
		if document != nil {
			documents = append(documents, document)
		}
	}
	switch len(documents) {
	case 1, 2:
		return documents, nil
	case 0:
		return nil, fault.Invalidf(name, "is empty; give a compiled pipeline")
	}
	return nil, fault.Invalidf(name, "holds %d documents; a compiled pipeline has one, or two with a platform spec", len(documents))
}

func toStruct(body map[string]any) (*structpb.Struct, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	spec := &structpb.Struct{}
	return spec, spec.UnmarshalJSON(text)
}

// ir is the pipeline spec proper.
func (d *Document) ir() *structpb.Struct {
	if inner := child(d.Spec, "pipeline_spec"); inner != nil {
		return inner
	}
	return d.Spec
}

// child walks down mappings; it is nil where there is none.
func child(s *structpb.Struct, keys ...string) *structpb.Struct {
	for _, key := range keys {
		s = s.GetFields()[key].GetStructValue()
	}
	return s
}

// DisableCaching makes every task of the pipeline run, whatever ran before.
func (d *Document) DisableCaching() {
	ir := d.ir()
	disableCaching(child(ir, "root"))
	for _, component := range child(ir, "components").GetFields() {
		disableCaching(component.GetStructValue())
	}
}

func disableCaching(component *structpb.Struct) {
	for _, task := range child(component, "dag", "tasks").GetFields() {
		if fields := task.GetStructValue().GetFields(); fields != nil {
			fields["cachingOptions"] = structpb.NewStructValue(&structpb.Struct{
				Fields: map[string]*structpb.Value{"enableCache": structpb.NewBoolValue(false)},
			})
		}
	}
}
