package secret

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/keyed"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Types of secrets that kfmesh knows; others are kept as they are.
const (
	TypeOpaque       = "Opaque"
	TypeDockerConfig = "kubernetes.io/dockerconfigjson"
)

// DockerConfigKey is the key of a secret of TypeDockerConfig that holds the
// contents of a ~/.docker/config.json.
const DockerConfigKey = ".dockerconfigjson"

// neededKeys are the keys that a secret of a type must have, as in Kubernetes.
var neededKeys = map[string][]string{
	TypeDockerConfig:           {DockerConfigKey},
	"kubernetes.io/dockercfg":  {".dockercfg"},
	"kubernetes.io/ssh-auth":   {"ssh-privatekey"},
	"kubernetes.io/tls":        {"tls.crt", "tls.key"},
	"kubernetes.io/basic-auth": {}, // a username or a password
}

const maxType = 253

func typeOf(s *gpuagentv1.Secret) string {
	if s.GetType() == "" {
		return TypeOpaque
	}
	return s.GetType()
}

// Check says everything that is wrong with a secret that is to be stored.
func Check(s *gpuagentv1.Secret) error {
	wrong := keyed.CheckName("secret.metadata.name", s.GetMetadata().GetName())
	wrong = append(wrong, state.CheckNamespace("secret.metadata.namespace", s.GetMetadata().GetNamespace())...)
	total := int64(0)
	for _, key := range slices.Sorted(maps.Keys(s.GetData())) {
		wrong = append(wrong, keyed.CheckKey("secret.data", key)...)
		total += int64(len(s.GetData()[key]))
	}
	wrong = append(wrong, keyed.CheckSize("secret.data", total)...)
	wrong = append(wrong, checkType(s)...)
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}

func checkType(s *gpuagentv1.Secret) []fault.Violation {
	var wrong []fault.Violation
	if len(s.GetType()) > maxType {
		wrong = append(wrong, fault.Violation{Field: "secret.type", Reason: fmt.Sprintf("is longer than %d characters", maxType)})
	}
	for _, key := range neededKeys[s.GetType()] {
		if _, ok := s.GetData()[key]; !ok {
			wrong = append(wrong, fault.Violation{Field: "secret.data", Reason: fmt.Sprintf("a secret of type %q needs the key %q", s.GetType(), key)})
		}
	}
	if config, ok := s.GetData()[DockerConfigKey]; ok && s.GetType() == TypeDockerConfig && !json.Valid(config) {
		wrong = append(wrong, fault.Violation{Field: "secret.data", Reason: fmt.Sprintf("the value of %q is not JSON: want the contents of a ~/.docker/config.json", DockerConfigKey)})
	}
	return wrong
}
