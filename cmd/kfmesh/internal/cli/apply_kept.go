package cli

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/object"
)

// What became of a manifest.
const (
	didCreate  = "created"
	didChange  = "configured"
	didNothing = "unchanged"
)

func changedOr(same bool) string {
	if same {
		return didNothing
	}
	return didChange
}

// kept is a resource of the agent's services.
type kept interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
}

// steps are how a resource is made, read and changed.
type steps[M kept] struct{ create, get, update func() (M, error) }

// apply makes a resource, or changes the one of its name. Each change makes a generation.
func (s steps[M]) apply(m manifest.Manifest, warnings []string) (applied, error) {
	now, err := s.create()
	did := didCreate
	if fault.Is(err, fault.AlreadyExists) {
		var before M
		if before, err = s.get(); err != nil {
			return applied{}, err
		}
		now, err = s.update()
		did = changedOr(now.GetMetadata().GetGeneration() == before.GetMetadata().GetGeneration())
	}
	if err != nil {
		return applied{}, object.Spelled(err)
	}
	return applied{id: strings.ToLower(m.Kind) + "/" + now.GetMetadata().GetName(), did: did, warnings: warnings, message: now}, nil
}

func (s *Session) applyConfigMap(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	r, warnings, err := object.ReadConfigMap([]byte(m.JSON))
	if err != nil {
		return applied{}, err
	}
	r.Metadata.Namespace = s.namespaceOf(m)
	return steps[*gpuagentv1.ConfigMap]{
		create: func() (*gpuagentv1.ConfigMap, error) {
			return c.ConfigMaps.CreateConfigMap(ctx, &gpuagentv1.CreateConfigMapRequest{ConfigMap: r, DryRun: dry})
		},
		get: func() (*gpuagentv1.ConfigMap, error) {
			return c.ConfigMaps.GetConfigMap(ctx, &gpuagentv1.GetConfigMapRequest{Namespace: r.GetMetadata().GetNamespace(), Name: m.Name})
		},
		update: func() (*gpuagentv1.ConfigMap, error) {
			return c.ConfigMaps.UpdateConfigMap(ctx, &gpuagentv1.UpdateConfigMapRequest{ConfigMap: r, DryRun: dry})
		},
	}.apply(m, warnings)
}

func (s *Session) applySecret(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	r, warnings, err := object.ReadSecret([]byte(m.JSON))
	if err != nil {
		return applied{}, err
	}
	r.Metadata.Namespace = s.namespaceOf(m)
	return steps[*gpuagentv1.Secret]{
		create: func() (*gpuagentv1.Secret, error) {
			return c.Secrets.CreateSecret(ctx, &gpuagentv1.CreateSecretRequest{Secret: r, DryRun: dry})
		},
		get: func() (*gpuagentv1.Secret, error) {
			return c.Secrets.GetSecret(ctx, &gpuagentv1.GetSecretRequest{Namespace: r.GetMetadata().GetNamespace(), Name: m.Name})
		},
		update: func() (*gpuagentv1.Secret, error) {
			return c.Secrets.UpdateSecret(ctx, &gpuagentv1.UpdateSecretRequest{Secret: r, DryRun: dry})
		},
	}.apply(m, warnings)
}

func (s *Session) applyClaim(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	r, warnings, err := object.ReadClaim([]byte(m.JSON))
	if err != nil {
		return applied{}, err
	}
	r.Metadata.Namespace = s.namespaceOf(m)
	return steps[*gpuagentv1.PersistentVolume]{
		create: func() (*gpuagentv1.PersistentVolume, error) {
			return c.Volumes.CreateVolume(ctx, &gpuagentv1.CreateVolumeRequest{Volume: r, DryRun: dry})
		},
		get: func() (*gpuagentv1.PersistentVolume, error) {
			return c.Volumes.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: r.GetMetadata().GetNamespace(), Name: m.Name})
		},
		update: func() (*gpuagentv1.PersistentVolume, error) {
			return c.Volumes.UpdateVolume(ctx, &gpuagentv1.UpdateVolumeRequest{Volume: r, DryRun: dry})
		},
	}.apply(m, warnings)
}

// applyPriorityClass makes a priority class, or changes the one of its name.
func (s *Session) applyPriorityClass(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	r, warnings, err := object.ReadPriorityClass([]byte(m.JSON))
	if err != nil {
		return applied{}, err
	}
	r.Metadata.Namespace = ""
	return steps[*gpuagentv1.PriorityClass]{
		create: func() (*gpuagentv1.PriorityClass, error) {
			return c.PriorityClasses.CreatePriorityClass(ctx, &gpuagentv1.CreatePriorityClassRequest{PriorityClass: r, DryRun: dry})
		},
		get: func() (*gpuagentv1.PriorityClass, error) {
			return c.PriorityClasses.GetPriorityClass(ctx, &gpuagentv1.GetPriorityClassRequest{Name: m.Name})
		},
		update: func() (*gpuagentv1.PriorityClass, error) {
			return c.PriorityClasses.UpdatePriorityClass(ctx, &gpuagentv1.UpdatePriorityClassRequest{PriorityClass: r, DryRun: dry})
		},
	}.apply(m, warnings)
}

// applyNamespace has nothing to do: a namespace is there once something is in it.
func applyNamespace(_ context.Context, _ *client.Client, m manifest.Manifest, _ bool) (applied, error) {
	return applied{id: "namespace/" + m.Name, did: didNothing}, nil
}
