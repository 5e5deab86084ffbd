package engine

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// whole is what secrets and config maps give as variables as a whole, later ones last. As
// in Kubernetes a key that cannot be one is left out, and said so.
func (v *values) whole(ctx context.Context, all []*gpuagentv1.EnvFrom) ([]string, error) {
	var env []string
	for _, from := range all {
		var found map[string][]byte
		var err error
		name := from.GetSecret()
		if name != "" {
			found, err = v.Secret(ctx, name, from.GetOptional())
		} else {
			name = from.GetConfigMap()
			found, err = v.ConfigMap(ctx, name, from.GetOptional())
		}
		if err != nil {
			return nil, misconfigured(reasonConfig, fmt.Errorf("env_from %s: %w", name, err))
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			variable := from.GetPrefix() + key
			if strings.ContainsAny(variable, "=\x00") || bytes.IndexByte(found[key], 0) >= 0 {
				v.Warn(fmt.Sprintf("key %q of %s cannot be a variable, and is left out", key, name))
				continue
			}
			env = append(env, variable+"="+string(found[key]))
		}
	}
	return env, nil
}
