package engine

import (
	"context"
	"fmt"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/secret"
)

// pullSecrets returns what the secrets hold that the replica's image is to be pulled
// with. As in Kubernetes, one that is not there is no failure yet: the image may
// be here, or free to all.
func (r *replica) pullSecrets(ctx context.Context, from *values) ([][]byte, error) {
	if r.runtime.Name() != runtime.Container {
		return nil, nil
	}
	var configs [][]byte
	for _, name := range r.template.GetImagePullSecrets() {
		found, err := from.Secret(ctx, name, false)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, misconfigured(reasonConfig, fmt.Errorf("image pull secret: %w", err))
		}
		config, ok := found[secret.DockerConfigKey]
		switch {
		case err != nil:
			r.Warn(fmt.Sprintf("the image is pulled without a login: %v", err))
		case !ok:
			r.Warn(fmt.Sprintf("the image is pulled without the login in secret %q: it is of another type than %s", name, secret.TypeDockerConfig))
		default:
			configs = append(configs, config)
		}
	}
	return configs, nil
}
