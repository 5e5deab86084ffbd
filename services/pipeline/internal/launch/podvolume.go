package launch

import (
	"path"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// keyedVolumes gives secrets and config maps as files.
func (b *podBuilder) keyedVolumes() error {
	for i, source := range b.spec.SecretAsVolume {
		field := item("secretAsVolume", i)
		name, err := b.name(field, source.SecretNameParameter, source.Optional)
		if err != nil {
			return err
		}
		from := &gpuagentv1.KeyedSource{Name: name, Optional: source.Optional}
		volume := &gpuagentv1.Volume{Name: "secret-" + strconv.Itoa(i), Source: &gpuagentv1.Volume_Secret{Secret: from}}
		if err := b.mountKeyed(field, source.MountPath, from, volume); err != nil {
			return err
		}
	}
	for i, source := range b.spec.ConfigMapAsVolume {
		field := item("configMapAsVolume", i)
		name, err := b.name(field, source.ConfigMapNameParameter, source.Optional)
		if err != nil {
			return err
		}
		from := &gpuagentv1.KeyedSource{Name: name, Optional: source.Optional}
		volume := &gpuagentv1.Volume{Name: "config-map-" + strconv.Itoa(i), Source: &gpuagentv1.Volume_ConfigMap{ConfigMap: from}}
		if err := b.mountKeyed(field, source.MountPath, from, volume); err != nil {
			return err
		}
	}
	return nil
}

// mountKeyed mounts a secret or config map for reading. Without a name it was
// left out.
func (b *podBuilder) mountKeyed(field, at string, from *gpuagentv1.KeyedSource, volume *gpuagentv1.Volume) error {
	if from.GetName() == "" {
		return nil
	}
	return b.mount(field, volume, &gpuagentv1.VolumeMount{Path: at, ReadOnly: true})
}

// claims mounts persistent volumes.
func (b *podBuilder) claims() error {
	for i, claim := range b.spec.PVCMount {
		field := item("pvcMount", i)
		name, err := b.name(field, claim.PVCNameParameter, false)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		volume := &gpuagentv1.Volume{Name: "claim-" + strconv.Itoa(i), Source: &gpuagentv1.Volume_Claim{Claim: name}}
		if err := b.mount(field, volume, &gpuagentv1.VolumeMount{Path: claim.MountPath, SubPath: claim.SubPath}); err != nil {
			return err
		}
	}
	return nil
}

// scratch mounts the directories that go with the step.
func (b *podBuilder) scratch() error {
	for i, dir := range b.spec.EmptyDirMounts {
		field := item("emptyDirMounts", i)
		if dir.Medium != "" && dir.Medium != "Memory" {
			b.warn("%s: the medium %q is not known and a directory is used", field, dir.Medium)
		}
		if err := b.emptyDir(field, "empty-dir-"+strconv.Itoa(i), dir.MountPath, dir.Medium == "Memory", dir.SizeLimit); err != nil {
			return err
		}
	}
	for i, volume := range b.spec.GenericEphemeralVolume {
		field := item("genericEphemeralVolume", i)
		if volume.StorageClassName != "" {
			b.warn("%s: the storage class %q has no meaning here and a directory is used", field, volume.StorageClassName)
		}
		if len(volume.Metadata.Labels)+len(volume.Metadata.Annotations) > 0 {
			b.warn("%s: its labels and annotations were ignored: a directory has none", field)
		}
		if err := b.emptyDir(field, "ephemeral-"+strconv.Itoa(i), volume.MountPath, false, volume.Size); err != nil {
			return err
		}
	}
	if shared := b.spec.EnabledSharedMemory; shared != nil {
		return b.emptyDir("enabledSharedMemory", "shared-memory", "/dev/shm", true, shared.Size)
	}
	return nil
}

func (b *podBuilder) emptyDir(field, name, at string, inMemory bool, size string) error {
	limit, err := resolveQuantity(b.scope, field, size, 1)
	if err != nil {
		return err
	}
	return b.mount(field, &gpuagentv1.Volume{Name: name, Source: &gpuagentv1.Volume_EmptyDir{
		EmptyDir: &gpuagentv1.EmptyDir{InMemory: inMemory, SizeLimitBytes: limit},
	}}, &gpuagentv1.VolumeMount{Path: at})
}

// mount adds a volume and where it is mounted.
func (b *podBuilder) mount(field string, volume *gpuagentv1.Volume, at *gpuagentv1.VolumeMount) error {
	if !path.IsAbs(at.GetPath()) || path.Clean(at.GetPath()) == "/" {
		return b.refuse(field, "its mount path is %q; it must be an absolute path below /", at.GetPath())
	}
	for _, other := range b.pod.Mounts {
		if path.Clean(other.GetPath()) == path.Clean(at.GetPath()) {
			return b.refuse(field, "something else is mounted at %q already", at.GetPath())
		}
	}
	at.Volume = volume.GetName()
	b.pod.Volumes = append(b.pod.Volumes, volume)
	b.pod.Mounts = append(b.pod.Mounts, at)
	return nil
}
