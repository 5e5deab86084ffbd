package dag

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// checkParameters returns an error when parameters cannot be part of a record.
func checkParameters(parameters map[string]any) error {
	for _, value := range parameters {
		if ir.HoldsLarge(value) {
			continue
		}
		if _, err := structpb.NewValue(value); err != nil {
			return err
		}
	}
	return nil
}

// encodeParameters writes parameters as a record has them. It cannot fail: outputs
// were checked when they came, and inputs are outputs, or constants that were JSON.
func encodeParameters(parameters map[string]any) (*structpb.Struct, []*pipelinev1.LargeValue) {
	var large []*pipelinev1.LargeValue
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if !ir.HoldsLarge(parameters[name]) {
			continue
		}
		if large == nil {
			parameters = maps.Clone(parameters)
		}
		parameters[name] = partLarge(parameters[name], &pipelinev1.LargeValue{Name: name}, &large)
	}
	return encodeStruct(parameters), large
}

// partLarge returns a value with the beginnings of what in it is kept apart, which
// it adds to a list. At says where the value belongs.
func partLarge(value any, at *pipelinev1.LargeValue, apart *[]*pipelinev1.LargeValue) any {
	switch v := value.(type) {
	case *ir.Large:
		at.Digest, at.Bytes = v.Digest, v.Bytes
		*apart = append(*apart, at)
		return v.Beginning
	case []any:
		list := make([]any, len(v))
		for i, entry := range v {
			path := append(slices.Clone(at.GetPath()), int32(i))
			list[i] = partLarge(entry, &pipelinev1.LargeValue{Name: at.GetName(), Path: path}, apart)
		}
		return list
	}
	return value
}

// decodeParameters reads what encodeParameters wrote.
func decodeParameters(encoded *structpb.Struct, large []*pipelinev1.LargeValue) map[string]any {
	if encoded == nil {
		return nil
	}
	parameters := encoded.AsMap()
	for _, apart := range large {
		parameters[apart.GetName()] = joinLarge(parameters[apart.GetName()], apart, apart.GetPath())
	}
	return parameters
}

// joinLarge puts what stands for a large value in its place, if there is such a
// place, and returns the value that it then is.
func joinLarge(value any, apart *pipelinev1.LargeValue, path []int32) any {
	if len(path) == 0 {
		beginning, _ := value.(string)
		return &ir.Large{Digest: apart.GetDigest(), Bytes: apart.GetBytes(), Beginning: beginning}
	}
	if list, is := value.([]any); is && path[0] >= 0 && int(path[0]) < len(list) {
		list[path[0]] = joinLarge(list[path[0]], apart, path[1:])
	}
	return value
}

// encodeStruct writes what was JSON.
func encodeStruct(values map[string]any) *structpb.Struct {
	if len(values) == 0 {
		return nil
	}
	s, err := structpb.NewStruct(values)
	if err != nil {
		return nil
	}
	return s
}
