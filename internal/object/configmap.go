package object

import (
	"encoding/base64"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// ReadConfigMap reads a ConfigMap.
func ReadConfigMap(manifest []byte) (*gpuagentv1.ConfigMap, []string, error) {
	var from struct {
		head
		Data       map[string]string `json:"data"`
		BinaryData map[string][]byte `json:"binaryData"`
		Immutable  bool              `json:"immutable"`
	}
	warnings, err := read(manifest, "ConfigMap", &from)
	if err != nil {
		return nil, nil, err
	}
	return &gpuagentv1.ConfigMap{
		Metadata: from.Metadata.resource(), Data: from.Data, BinaryData: from.BinaryData, Immutable: from.Immutable,
	}, warnings, nil
}

// ConfigMap writes a config map.
func ConfigMap(c *gpuagentv1.ConfigMap) map[string]any {
	out := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": Metadata(c.GetMetadata())}
	if len(c.GetData()) > 0 {
		out["data"] = anyOf(c.GetData())
	}
	if len(c.GetBinaryData()) > 0 {
		binary := map[string]any{}
		for key, value := range c.GetBinaryData() {
			binary[key] = base64.StdEncoding.EncodeToString(value)
		}
		out["binaryData"] = binary
	}
	if c.GetImmutable() {
		out["immutable"] = true
	}
	return out
}
