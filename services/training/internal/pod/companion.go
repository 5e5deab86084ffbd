package pod

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// label is what names of containers are.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// companions adds the init containers, and the containers beside the one that counts.
func (b *builder) companions(main int) {
	for i := range b.spec.InitContainers {
		c := &b.spec.InitContainers[i]
		at := fmt.Sprintf("%s.initContainers[%d]", b.path, i)
		made := b.companion(at, c)
		switch c.RestartPolicy {
		case "":
		case "Always":
			made.RestartPolicy = gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS
		default:
			b.problems.NotSupported(at+".restartPolicy", c.RestartPolicy, "Always")
		}
		if c.RestartPolicy == "" && (c.Lifecycle != nil || c.StartupProbe != nil || c.LivenessProbe != nil || c.ReadinessProbe != nil) {
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
		if b.spec.RestartPolicy != "Never" {
			made.RestartPolicy = gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE
		}
		b.out.Companions = append(b.out.Companions, made)
	}
	b.uniqueNames()
}

// uniqueNames has no two containers of one name.
func (b *builder) uniqueNames() {
	taken := map[string]bool{}
	for _, list := range []struct {
		name string
		all  []Container
	}{{"initContainers", b.spec.InitContainers}, {"containers", b.spec.Containers}} {
		for i, c := range list.all {
			if taken[c.Name] && c.Name != "" {
				b.problems.Duplicate(fmt.Sprintf("%s.%s[%d].name", b.path, list.name, i), c.Name)
			}
			taken[c.Name] = true
		}
	}
}

// companion reads one container beside the one that counts. It sees what that sees: the
// mounts of all are made for all.
func (b *builder) companion(at string, c *Container) *gpuagentv1.Companion {
	switch {
	case c.Name == "":
		b.problems.Required(at+".name", "")
	case !label.MatchString(c.Name):
		b.problems.Invalid(at+".name", c.Name, "a DNS-1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character")
	}
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
