package registry

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Types of properties as they are stored.
const (
	typeString = "string"
	typeInt    = "int"
	typeDouble = "double"
	typeBool   = "bool"
	typeStruct = "struct"
	typeProto  = "proto"
)

// PropertyText is a property as MLflow's tags have it.
func PropertyText(p *metadatav1.PropertyValue) string {
	_, text := encode(p)
	return text
}

// encode splits a property into its type and a text.
func encode(p *metadatav1.PropertyValue) (kind, text string) {
	switch v := p.GetValue().(type) {
	case *metadatav1.PropertyValue_IntValue:
		return typeInt, strconv.FormatInt(v.IntValue, 10)
	case *metadatav1.PropertyValue_DoubleValue:
		return typeDouble, strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	case *metadatav1.PropertyValue_BoolValue:
		return typeBool, strconv.FormatBool(v.BoolValue)
	case *metadatav1.PropertyValue_StructValue:
		return typeStruct, v.StructValue
	case *metadatav1.PropertyValue_ProtoValue_:
		return typeProto, v.ProtoValue.GetType() + "\n" + v.ProtoValue.GetValue()
	}
	return typeString, p.GetStringValue()
}

// decode undoes encode. A text that is none of its type is text.
func decode(kind, text string) *metadatav1.PropertyValue {
	switch kind {
	case typeInt:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_IntValue{IntValue: n}}
		}
	case typeDouble:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_DoubleValue{DoubleValue: n}}
		}
	case typeBool:
		return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_BoolValue{BoolValue: text == "true"}}
	case typeStruct:
		return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_StructValue{StructValue: text}}
	case typeProto:
		name, value, _ := strings.Cut(text, "\n")
		return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_ProtoValue_{
			ProtoValue: &metadatav1.PropertyValue_ProtoValue{Type: name, Value: value},
		}}
	}
	return textProperty(text)
}

func textProperty(text string) *metadatav1.PropertyValue {
	return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_StringValue{StringValue: text}}
}

// propertyTable is a table of properties.
type propertyTable struct {
	name  string
	owner string // its column with the owner's id
}

var (
	modelProperties   = propertyTable{name: "registry_model_properties", owner: "model_id"}
	versionProperties = propertyTable{name: "registry_version_properties", owner: "version_id"}
)

// put sets properties, by key.
func (t propertyTable) put(ctx context.Context, tx *sqlstore.Tx, owner int64, properties map[string]*metadatav1.PropertyValue) error {
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		kind, text := encode(properties[key])
		q := sqlstore.Q("INSERT INTO "+t.name+" ("+t.owner+", key, type, value) VALUES").List(owner, key, kind, text).
			Add("ON CONFLICT (" + t.owner + ", key) DO UPDATE SET type = excluded.type, value = excluded.value")
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// replace puts properties in the place of all that an owner has; nil leaves them.
func (t propertyTable) replace(ctx context.Context, tx *sqlstore.Tx, owner int64, properties *metadatav1.Properties) error {
	if properties == nil {
		return nil
	}
	if err := checkProperties(properties.GetValues(), false); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM "+t.name+" WHERE "+t.owner+" = ?", owner)); err != nil {
		return err
	}
	return t.put(ctx, tx, owner, properties.GetValues())
}

// setTags sets and deletes MLflow's tags of an owner.
func (t propertyTable) setTags(ctx context.Context, tx *sqlstore.Tx, owner int64, set []*metadatav1.Tag, remove []string) error {
	properties := make(map[string]*metadatav1.PropertyValue, len(set))
	for _, tag := range set {
		properties[tag.GetKey()] = textProperty(tag.GetValue())
	}
	if err := t.put(ctx, tx, owner, properties); err != nil {
		return err
	}
	for _, key := range remove {
		if _, err := tx.Exec(ctx, sqlstore.Q("DELETE FROM "+t.name+" WHERE "+t.owner+" = ? AND key = ?", owner, key)); err != nil {
			return err
		}
	}
	return nil
}

// checkProperties checks properties, as tags when MLflow's rules hold.
func checkProperties(properties map[string]*metadatav1.PropertyValue, asTags bool) error {
	check := checkProperty
	if asTags {
		check = checkTag
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if err := check(key, PropertyText(properties[key])); err != nil {
			return err
		}
	}
	return nil
}

// checkTags checks MLflow's tags.
func checkTags(set []*metadatav1.Tag, remove []string) error {
	for _, tag := range set {
		if err := checkTag(tag.GetKey(), tag.GetValue()); err != nil {
			return err
		}
	}
	for _, key := range remove {
		if err := checkTag(key, ""); err != nil {
			return err
		}
	}
	return nil
}

// load reads the properties of owners and hands each to into.
func (t propertyTable) load(ctx context.Context, tx *sqlstore.Tx, owners []int64, into func(owner int64, key string, value *metadatav1.PropertyValue)) error {
	for some := range slices.Chunk(owners, batch) {
		q := sqlstore.Q("SELECT " + t.owner + ", key, type, value FROM " + t.name + " WHERE " + t.owner + " IN").List(boxed(some)...)
		err := tx.Rows(ctx, q, func(scan func(...any) error) error {
			var owner int64
			var key, kind, text string
			if err := scan(&owner, &key, &kind, &text); err != nil {
				return err
			}
			into(owner, key, decode(kind, text))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
