package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// Format is how results are printed.
type Format string

// The formats.
const (
	FormatTable Format = "table"
	FormatWide  Format = "wide"
	FormatJSON  Format = "json"
	FormatYAML  Format = "yaml"
	FormatName  Format = "name"
)

// formats lists the formats in the order in which help shows them.
func formats() []Format {
	return []Format{FormatTable, FormatWide, FormatJSON, FormatYAML, FormatName}
}

// String, Set and Type make a Format a flag's value.
func (f *Format) String() string { return string(*f) }

// Set takes the value of the flag.
func (f *Format) Set(value string) error {
	if !slices.Contains(formats(), Format(value)) {
		return fmt.Errorf("%q is none of %s", value, joinFormats())
	}
	*f = Format(value)
	return nil
}

// Type names the value in help.
func (f *Format) Type() string { return "format" }

func joinFormats() string {
	names := make([]string, 0, len(formats()))
	for _, f := range formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// Document reports whether the format is a document for programs.
func (f Format) Document() bool { return f == FormatJSON || f == FormatYAML }

// Messages prints protobuf messages as one document: a single one as itself,
// several, or a list asked for as one, as {"items": [...]}. Field names are
// those of the protos, which are those of REST.
func Messages[M proto.Message](w io.Writer, f Format, messages []M, list bool) error {
	raw, err := Documents(messages)
	if err != nil {
		return err
	}
	if !list && len(raw) == 1 {
		return Value(w, f, raw[0])
	}
	return Value(w, f, map[string]any{"items": raw})
}

// Documents encodes protobuf messages for a Value that holds them.
func Documents[M proto.Message](messages []M) ([]json.RawMessage, error) {
	raw := make([]json.RawMessage, len(messages))
	for i, m := range messages {
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
		}
		raw[i] = text
	}
	return raw, nil
}

// Value prints any JSON-able value as a document.
func Value(w io.Writer, f Format, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if f != FormatYAML {
		_, err := w.Write(text.Bytes())
		return err
	}
	document, err := yaml.JSONToYAML(text.Bytes())
	if err != nil {
		return fmt.Errorf("encode as YAML: %w", err)
	}
	_, err = w.Write(document)
	return err
}
