package pod

import (
	"fmt"
	"path"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// mounts gives a container its volumes: those that it mounts.
func (b *builder) mounts(at string, c *Container) {
	taken := map[string]bool{}
	for i, m := range c.VolumeMounts {
		where := fmt.Sprintf("%s.volumeMounts[%d]", at, i)
		n := slices.IndexFunc(b.spec.Volumes, func(v Volume) bool { return v.Name == m.Name })
		target := path.Clean(m.MountPath)
		switch {
		case n < 0:
			b.problems.NotFound(where+".name", m.Name)
			continue
		case !path.IsAbs(target):
			b.problems.Invalid(where+".mountPath", m.MountPath, "must be an absolute path")
			continue
		case taken[target]:
			b.problems.Invalid(where+".mountPath", m.MountPath, "must be unique")
			continue
		}
		taken[target] = true
		b.mount(fmt.Sprintf("%s.volumes[%d]", b.path, n), &b.spec.Volumes[n], m, target)
	}
}

func (b *builder) mount(at string, v *Volume, m VolumeMount, target string) {
	if v.HostPath != nil {
		b.hostPath(at, v.HostPath, m, target)
		return
	}
	out := &gpuagentv1.Volume{Name: v.Name}
	readOnly := m.ReadOnly
	switch {
	case v.Secret != nil:
		out.Source = &gpuagentv1.Volume_Secret{Secret: keyed(v.Secret.SecretName, v.Secret)}
	case v.ConfigMap != nil:
		out.Source = &gpuagentv1.Volume_ConfigMap{ConfigMap: keyed(v.ConfigMap.Name, v.ConfigMap)}
	case v.Claim != nil:
		out.Source = &gpuagentv1.Volume_Claim{Claim: v.Claim.ClaimName}
		readOnly = readOnly || v.Claim.ReadOnly
	case v.EmptyDir != nil:
		out.Source = &gpuagentv1.Volume_EmptyDir{EmptyDir: b.emptyDir(at+".emptyDir", v.EmptyDir)}
	default:
		b.problems.Warn("%s: a volume of this sort cannot be mounted here; %s is not there", at, target)
		return
	}
	if !slices.ContainsFunc(b.out.Volumes, func(other *gpuagentv1.Volume) bool { return other.GetName() == v.Name }) {
		b.out.Volumes = append(b.out.Volumes, out)
	}
	b.out.Mounts = append(b.out.Mounts, &gpuagentv1.VolumeMount{Volume: v.Name, Path: target, SubPath: m.SubPath, ReadOnly: readOnly})
}

func keyed(name string, k *KeyVolume) *gpuagentv1.KeyedSource {
	out := &gpuagentv1.KeyedSource{Name: name, Optional: k.Optional}
	for _, item := range k.Items {
		if out.Items == nil {
			out.Items = map[string]string{}
		}
		out.Items[item.Key] = item.Path
	}
	return out
}

func (b *builder) emptyDir(at string, e *EmptyDir) *gpuagentv1.EmptyDir {
	out := &gpuagentv1.EmptyDir{InMemory: e.Medium == "Memory"}
	if e.SizeLimit != "" {
		size, ok := Quantity(string(e.SizeLimit), 1)
		if !ok {
			b.problems.Invalid(at+".sizeLimit", string(e.SizeLimit), badQuantity)
		}
		out.SizeLimitBytes = size
	}
	return out
}

// hostPath is a path of the node, which a replica sees in its place and nowhere else.
func (b *builder) hostPath(at string, h *HostPath, m VolumeMount, target string) {
	if path.Join(h.Path, m.SubPath) != target {
		b.problems.Warn("%s: a path of the node is seen in its own place only; %s is not there", at, target)
		return
	}
	if b.out.Staging == nil {
		b.out.Staging = &gpuagentv1.Staging{}
	}
	b.out.Staging.Reads = append(b.out.Staging.Reads, target)
}
