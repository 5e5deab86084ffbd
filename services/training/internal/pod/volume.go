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
		target := path.Join("/", m.MountPath) // as Kubernetes, which takes relative ones as well
		switch {
		case n < 0 && b.names.Claims[m.Name] == "":
			b.problems.NotFound(where+".name", m.Name)
			continue
		case m.MountPath == "":
			b.problems.Required(where+".mountPath", "")
			continue
		case taken[target]:
			b.problems.Invalid(where+".mountPath", m.MountPath, "must be unique")
			continue
		}
		taken[target] = true
		volume := &Volume{Name: m.Name, Claim: &Claim{ClaimName: b.names.Claims[m.Name]}}
		if n >= 0 {
			volume = &b.spec.Volumes[n]
		}
		b.mount(fmt.Sprintf("%s.volumes[%d]", b.path, n), volume, m, target)
	}
}

func (b *builder) mount(at string, v *Volume, m VolumeMount, target string) {
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
	case v.sources() == 0:
		out.Source = &gpuagentv1.Volume_EmptyDir{EmptyDir: &gpuagentv1.EmptyDir{}} // as Kubernetes has it
	case v.EmptyDir != nil:
		out.Source = &gpuagentv1.Volume_EmptyDir{EmptyDir: emptyDir(v.EmptyDir)}
	case v.HostPath != nil:
		if !path.IsAbs(v.HostPath.Path) {
			b.problems.Invalid(at+".hostPath.path", v.HostPath.Path, "must be an absolute path")
			return
		}
		out.Source = &gpuagentv1.Volume_HostPath{HostPath: &gpuagentv1.HostPath{Path: v.HostPath.Path, Type: v.HostPath.Type}}
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

// emptyDir reads an empty directory whose size was checked.
func emptyDir(e *EmptyDir) *gpuagentv1.EmptyDir {
	size, _ := Quantity(string(e.SizeLimit), 1)
	return &gpuagentv1.EmptyDir{InMemory: e.Medium == "Memory", SizeLimitBytes: size}
}

// pathTypes are what a path of a node may have to be.
var pathTypes = []string{"BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"}
