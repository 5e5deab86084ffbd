package pod

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// Names are what the downward API says of the pods made of a template. Values may
// hold references of workloads, such as ${self.index}.
type Names struct {
	Pod, Namespace      string
	Labels, Annotations map[string]string
	// Index is the annotation by which a pod of a job knows its place; empty for none.
	Index string
	// Claims are the volumes that are made for the job, by the names that containers mount
	// them by.
	Claims map[string]string
}

// Main returns the position of the container that counts: the one with the name, or
// else the first.
func (s *Spec) Main(name string) int {
	return max(0, slices.IndexFunc(s.Containers, func(c Container) bool { return c.Name == name }))
}

// Build makes the template of a workload's replicas from a pod template at a path of
// a manifest. The pod has a container.
func Build(t *Template, container, path string, names Names, problems *field.Problems) *gpuagentv1.Template {
	main := t.Spec.Main(container)
	b := &builder{spec: &t.Spec, problems: problems, names: names, path: path + ".spec"}
	b.check(t, path)
	b.build(&t.Spec.Containers[main], fmt.Sprintf("%s.containers[%d]", b.path, main))
	b.companions(main)
	return b.out
}

// Escape has a workload take a text as it is.
func Escape(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// builder makes one template.
type builder struct {
	spec     *Spec
	path     string // of spec
	problems *field.Problems
	names    Names
	out      *gpuagentv1.Template
}

func (b *builder) build(c *Container, path string) {
	b.out = &gpuagentv1.Template{
		Image: c.Image, Command: escaped(c.Command), Args: escaped(c.Args), WorkingDir: c.WorkingDir,
		NodeSelector: b.spec.NodeSelector, ExpandVariables: true,
	}
	b.out.Resources = b.resources(path+".resources", c.Resources)
	b.out.ImagePullPolicy = b.pullPolicy(path+".imagePullPolicy", c.ImagePullPolicy)
	for _, secret := range b.spec.ImagePullSecrets {
		b.out.ImagePullSecrets = append(b.out.ImagePullSecrets, secret.Name)
	}
	b.out.Tolerations = b.tolerations()
	b.out.SecurityContext = identity(b.spec.SecurityContext, c.SecurityContext)
	b.variables(path, c)
	b.mounts(path, c)
	b.out.StartupProbe = b.probe(path+".startupProbe", c.StartupProbe, c)
	b.out.LivenessProbe = b.probe(path+".livenessProbe", c.LivenessProbe, c)
	b.out.ReadinessProbe = b.readiness(path+".readinessProbe", c.ReadinessProbe, c)
	b.out.Lifecycle = b.lifecycle(path+".lifecycle", c.Lifecycle, c)
	b.restarts(path, c)
	for i, alias := range b.spec.HostAliases {
		b.address(fmt.Sprintf("%s.hostAliases[%d].ip", b.path, i), alias.IP)
		for n, name := range alias.Hostnames {
			b.problems.Name(fmt.Sprintf("%s.hostAliases[%d].hostnames[%d]", b.path, i, n), name, field.Subdomain)
		}
		b.out.HostAliases = append(b.out.HostAliases, &gpuagentv1.HostAlias{Ip: alias.IP, Hostnames: alias.Hostnames})
	}
}

// restarts says what is wrong with the restart policy of a container that is none of those
// run before: the whole replica is tried again or not, by the job's own.
func (b *builder) restarts(path string, c *Container) {
	b.oneOf(path+".restartPolicy", c.RestartPolicy, "Always", "Never", "OnFailure")
	if c.RestartPolicy != "" {
		b.problems.Warn("%s.restartPolicy has no effect here: the job's own policy counts", path)
	}
}

// variables gives a container its environment.
func (b *builder) variables(path string, c *Container) {
	for i, from := range c.EnvFrom {
		b.envFrom(fmt.Sprintf("%s.envFrom[%d]", path, i), from)
	}
	for i, e := range c.Env {
		b.env(fmt.Sprintf("%s.env[%d]", path, i), e, c)
	}
}

// PortName is what a port of a container is called in a workload: its name, or one by its
// place.
func PortName(i int, p Port) string {
	if p.Name == "" {
		return "port-" + strconv.Itoa(i)
	}
	return strings.ToLower(p.Name)
}

func escaped(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = Escape(text)
	}
	return all
}

func (b *builder) pullPolicy(path, policy string) gpuagentv1.PullPolicy {
	switch policy {
	case "":
		return gpuagentv1.PullPolicy_PULL_POLICY_UNSPECIFIED
	case "Always":
		return gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS
	case "IfNotPresent":
		return gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT
	case "Never":
		return gpuagentv1.PullPolicy_PULL_POLICY_NEVER
	}
	b.problems.NotSupported(path, policy, "Always", "IfNotPresent", "Never")
	return gpuagentv1.PullPolicy_PULL_POLICY_UNSPECIFIED
}

// identity is who a container runs as: what it says itself, or else what its pod says.
func identity(pod, own *SecurityContext) *gpuagentv1.SecurityContext {
	if pod == nil && own == nil {
		return nil
	}
	out := &gpuagentv1.SecurityContext{}
	for _, s := range []*SecurityContext{pod, own} {
		if s == nil {
			continue
		}
		if s.RunAsUser != nil {
			out.RunAsUser = s.RunAsUser
		}
		if s.RunAsGroup != nil {
			out.RunAsGroup = s.RunAsGroup
		}
		out.RunAsNonRoot = out.RunAsNonRoot || s.RunAsNonRoot
	}
	if out.RunAsUser == nil && out.RunAsGroup == nil && !out.RunAsNonRoot {
		return nil
	}
	return out
}
