package object

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Hidden stands for each value of a secret that is shown.
const Hidden = "<hidden>"

// lastApplied is the annotation in which kubectl apply keeps the whole of what it applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// ReadSecret reads a Secret. A key whose value is Hidden is to keep the value it has. Of
// the annotation in which kubectl keeps what it applied the values are taken out, for
// annotations are for all to see.
func ReadSecret(manifest []byte) (*gpuagentv1.Secret, []string, error) {
	var from struct {
		head
		Type       string            `json:"type"`
		Data       map[string]string `json:"data"`
		StringData map[string]string `json:"stringData"`
		Immutable  bool              `json:"immutable"`
	}
	warnings, err := read(manifest, "Secret", &from)
	if err != nil {
		return nil, nil, err
	}
	s := &gpuagentv1.Secret{Metadata: from.Metadata.resource(), Type: from.Type, Data: map[string][]byte{}, Immutable: from.Immutable}
	s.Metadata.Annotations = redacted(s.GetMetadata().GetAnnotations())
	for _, key := range slices.Sorted(maps.Keys(from.Data)) {
		value, err := base64.StdEncoding.DecodeString(from.Data[key])
		if err != nil {
			return nil, nil, fault.Invalidf("", "Secret cannot be read: data.%s is not base64; text as it is goes into stringData", key)
		}
		s.Data[key] = value
	}
	for key, text := range from.StringData {
		s.Data[key] = []byte(text)
	}
	for key, value := range s.GetData() {
		if string(value) == Hidden {
			s.Keep = append(s.Keep, key)
			delete(s.Data, key)
		}
	}
	slices.Sort(s.Keep)
	return s, warnings, nil
}

// redacted are annotations without the values that kubectl keeps in one.
func redacted(annotations map[string]string) map[string]string {
	text, ok := annotations[lastApplied]
	if !ok {
		return annotations
	}
	out := maps.Clone(annotations)
	delete(out, lastApplied)
	applied := map[string]any{}
	if json.Unmarshal([]byte(text), &applied) != nil {
		return out
	}
	for field, hidden := range map[string]string{"data": base64.StdEncoding.EncodeToString([]byte(Hidden)), "stringData": Hidden} {
		values, ok := applied[field].(map[string]any)
		if !ok {
			delete(applied, field)
			continue
		}
		for key := range values {
			values[key] = hidden
		}
	}
	data, err := json.Marshal(applied)
	if err != nil {
		return out
	}
	out[lastApplied] = string(data) + "\n"
	return out
}

// Secret writes a secret, with Hidden for its values.
func Secret(s *gpuagentv1.Secret) map[string]any {
	out := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": Metadata(s.GetMetadata()), "type": s.GetType()}
	data := map[string]any{}
	for key := range s.GetSizes() {
		data[key] = base64.StdEncoding.EncodeToString([]byte(Hidden))
	}
	if len(data) > 0 {
		out["data"] = data
	}
	if s.GetImmutable() {
		out["immutable"] = true
	}
	return out
}
