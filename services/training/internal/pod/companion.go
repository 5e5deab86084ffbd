package pod

import (
	"fmt"
	"path"
	"slices"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// companions adds the init containers, and the containers beside the one that counts.
func (b *builder) companions(main int) {
	for i := range b.spec.InitContainers {
		c := &b.spec.InitContainers[i]
		at := fmt.Sprintf("%s.initContainers[%d]", b.path, i)
		made := b.companion(at, c)
		b.oneOf(at+".restartPolicy", c.RestartPolicy, "Always", "Never", "OnFailure")
		switch c.RestartPolicy {
		case "Always":
			made.RestartPolicy = gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS
		case "OnFailure":
			b.problems.Warn("%s.restartPolicy has no effect here: an init container that fails, fails the replica", at)
		}
		if c.RestartPolicy != "Always" && (c.Lifecycle != nil || c.StartupProbe != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil) {
			b.problems.Forbidden(at, "may not have probes or lifecycle hooks: it is an init container without restartPolicy=Always")
		}
		b.out.InitContainers = append(b.out.InitContainers, made)
	}
	for i := range b.spec.Containers {
		if i == main {
			continue
		}
		at := fmt.Sprintf("%s.containers[%d]", b.path, i)
		made := b.companion(at, &b.spec.Containers[i])
		b.restarts(at, &b.spec.Containers[i])
		if b.spec.RestartPolicy != "Never" {
			made.RestartPolicy = gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE
		}
		b.out.Companions = append(b.out.Companions, made)
	}
	b.uniqueNames()
}

// uniqueNames has no init container with the name of another container.
func (b *builder) uniqueNames() {
	for i, c := range b.spec.InitContainers {
		if slices.ContainsFunc(b.spec.Containers, func(other Container) bool { return other.Name == c.Name }) {
			b.problems.Duplicate(fmt.Sprintf("%s.initContainers[%d].name", b.path, i), c.Name)
		}
	}
}

// companion reads one container beside the one that counts. It sees what that sees: the
// mounts of all are made for all.
func (b *builder) companion(at string, c *Container) *gpuagentv1.Companion {
	own := &builder{spec: b.spec, path: b.path, problems: b.problems, names: b.names, out: &gpuagentv1.Template{}}
	own.variables(at, c)
	own.mounts(at, c)
	b.share(at, own.out)
	asked := own.resources(at+".resources", c.Resources)
	if asked.GetGpus() > 0 {
		b.problems.Warn("%s.resources: GPUs are allotted to the container that counts alone", at)
	}
	if identity(nil, c.SecurityContext) != nil {
		b.problems.Warn("%s.securityContext has no effect here: all containers of a pod run as the one that counts", at)
	}
	if c.ReadinessProbe != nil {
		b.probe(at+".readinessProbe", c.ReadinessProbe, c) // which is checked all the same
		b.problems.Warn("%s.readinessProbe has no effect here: a replica is ready when the container that counts is", at)
	}
	return &gpuagentv1.Companion{
		Resources: ownResources(asked), ImagePullPolicy: b.pullPolicy(at+".imagePullPolicy", c.ImagePullPolicy),
		Name: c.Name, Image: c.Image, Command: escaped(c.Command), Args: escaped(c.Args), WorkingDir: c.WorkingDir,
		Env: own.out.GetEnv(), EnvFrom: own.out.GetEnvFrom(),
		StartupProbe:  b.probe(at+".startupProbe", c.StartupProbe, c),
		LivenessProbe: b.probe(at+".livenessProbe", c.LivenessProbe, c),
		Lifecycle:     b.lifecycle(at+".lifecycle", c.Lifecycle, c),
	}
}

// ownResources are those that a companion keeps to itself; nil where it asks for none.
func ownResources(asked *gpuagentv1.Resources) *gpuagentv1.Resources {
	own := &gpuagentv1.Resources{
		CpuMilli: asked.GetCpuMilli(), MemoryBytes: asked.GetMemoryBytes(),
		CpuLimitMilli: asked.GetCpuLimitMilli(), MemoryLimitBytes: asked.GetMemoryLimitBytes(),
	}
	if proto.Equal(own, &gpuagentv1.Resources{}) {
		return nil
	}
	return own
}

// share gives the pod the volumes and mounts of one of its containers.
func (b *builder) share(at string, of *gpuagentv1.Template) {
	for _, v := range of.GetVolumes() {
		if !slices.ContainsFunc(b.out.Volumes, func(other *gpuagentv1.Volume) bool { return other.GetName() == v.GetName() }) {
			b.out.Volumes = append(b.out.Volumes, v)
		}
	}
	for _, m := range of.GetMounts() {
		n := slices.IndexFunc(b.out.Mounts, func(other *gpuagentv1.VolumeMount) bool {
			return path.Clean(other.GetPath()) == path.Clean(m.GetPath())
		})
		switch {
		case n < 0:
			b.out.Mounts = append(b.out.Mounts, m)
		case b.out.Mounts[n].GetVolume() != m.GetVolume() || b.out.Mounts[n].GetSubPath() != m.GetSubPath():
			b.problems.Warn("%s.volumeMounts: the containers of a pod see the same files here, and another mounts something else at %s", at, m.GetPath())
		default:
			b.out.Mounts[n].ReadOnly = b.out.Mounts[n].GetReadOnly() && m.GetReadOnly()
		}
	}
}
