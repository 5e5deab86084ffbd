package graph

import (
	"maps"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// properties are those of one artifact, execution or context.
type properties interface {
	GetProperties() map[string]*metadatav1.Value
	GetCustomProperties() map[string]*metadatav1.Value
}

// encodeProperties packs both kinds of properties for one column.
func encodeProperties(p properties) ([]byte, error) {
	if len(p.GetProperties())+len(p.GetCustomProperties()) == 0 {
		return nil, nil
	}
	packed, err := proto.MarshalOptions{Deterministic: true}.Marshal(&metadatav1.Context{
		Properties: p.GetProperties(), CustomProperties: p.GetCustomProperties(),
	})
	if err != nil {
		return nil, fault.Internalf(err, "properties cannot be encoded")
	}
	return packed, nil
}

// decodeProperties unpacks what encodeProperties packed.
func decodeProperties(packed []byte) (declared, custom map[string]*metadatav1.Value, err error) {
	if len(packed) == 0 {
		return nil, nil, nil
	}
	holder := new(metadatav1.Context)
	if err := proto.Unmarshal(packed, holder); err != nil {
		return nil, nil, fault.Internalf(err, "stored properties cannot be read")
	}
	return holder.Properties, holder.CustomProperties, nil
}

// merged is what was known, with what is new over it.
func merged[V any](known, fresh map[string]V) map[string]V {
	if len(known) == 0 {
		return fresh
	}
	all := maps.Clone(known)
	maps.Copy(all, fresh)
	return all
}
