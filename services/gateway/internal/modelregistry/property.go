package modelregistry

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// properties reads the custom properties; nil when there are none in the body.
func (c *call) properties() *metadatav1.Properties {
	if !c.has("customProperties") {
		return nil
	}
	all, ok := c.body["customProperties"].(map[string]any)
	if !ok {
		c.wrong("customProperties", "an object")
	}
	values := make(map[string]*metadatav1.PropertyValue, len(all))
	for key, value := range all {
		values[key] = c.property("customProperties."+key, value)
	}
	return &metadatav1.Properties{Values: values}
}

// property reads one custom property, whose type says which field has its value.
func (c *call) property(field string, value any) *metadatav1.PropertyValue {
	fields, _ := value.(map[string]any)
	kind, _ := fields["metadataType"].(string)
	p := new(metadatav1.PropertyValue)
	ok := true
	text := func(name string) string {
		text, isText := fields[name].(string)
		ok = ok && isText
		return text
	}
	switch kind {
	case "MetadataStringValue":
		p.Value = &metadatav1.PropertyValue_StringValue{StringValue: text("string_value")}
	case "MetadataStructValue":
		p.Value = &metadatav1.PropertyValue_StructValue{StructValue: text("struct_value")}
	case "MetadataProtoValue":
		p.Value = &metadatav1.PropertyValue_ProtoValue_{
			ProtoValue: &metadatav1.PropertyValue_ProtoValue{Type: text("type"), Value: text("proto_value")},
		}
	case "MetadataIntValue":
		n, err := strconv.ParseInt(numeral(fields["int_value"]), 10, 64)
		p.Value, ok = &metadatav1.PropertyValue_IntValue{IntValue: n}, err == nil
	case "MetadataDoubleValue":
		n, err := strconv.ParseFloat(numeral(fields["double_value"]), 64)
		p.Value, ok = &metadatav1.PropertyValue_DoubleValue{DoubleValue: n}, err == nil
	case "MetadataBoolValue":
		flag, isFlag := fields["bool_value"].(bool)
		p.Value, ok = &metadatav1.PropertyValue_BoolValue{BoolValue: flag}, isFlag
	default:
		ok = false
	}
	if !ok {
		c.wrong(field, `a value with its type, such as {"metadataType": "MetadataStringValue", "string_value": "x"}`)
	}
	return p
}

// numeral is a number, which may be a text.
func numeral(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// showProperties writes custom properties.
func showProperties(properties map[string]*metadatav1.PropertyValue) object {
	shown := make(object, len(properties))
	for key, p := range properties {
		shown[key] = showProperty(p)
	}
	return shown
}

func showProperty(p *metadatav1.PropertyValue) object {
	switch v := p.GetValue().(type) {
	case *metadatav1.PropertyValue_IntValue:
		return object{"metadataType": "MetadataIntValue", "int_value": strconv.FormatInt(v.IntValue, 10)}
	case *metadatav1.PropertyValue_DoubleValue:
		return object{"metadataType": "MetadataDoubleValue", "double_value": v.DoubleValue}
	case *metadatav1.PropertyValue_BoolValue:
		return object{"metadataType": "MetadataBoolValue", "bool_value": v.BoolValue}
	case *metadatav1.PropertyValue_StructValue:
		return object{"metadataType": "MetadataStructValue", "struct_value": v.StructValue}
	case *metadatav1.PropertyValue_ProtoValue_:
		return object{"metadataType": "MetadataProtoValue", "type": v.ProtoValue.GetType(), "proto_value": v.ProtoValue.GetValue()}
	}
	return showText(p.GetStringValue())
}

// propertyText is a custom property as a tag.
func propertyText(p *metadatav1.PropertyValue) string {
	for field, value := range showProperty(p) {
		if strings.HasSuffix(field, "_value") {
			return fmt.Sprint(value)
		}
	}
	return ""
}

func showText(text string) object {
	return object{"metadataType": "MetadataStringValue", "string_value": text}
}
