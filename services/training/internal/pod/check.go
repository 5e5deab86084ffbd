package pod

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// check says what Kubernetes would have against the pods of a template, of what is not
// found while the template is read.
func (b *builder) check(t *Template, at string) {
	s, p := &t.Spec, b.problems
	p.Labels(at+".metadata.labels", t.Metadata.Labels)
	p.Annotations(at+".metadata.annotations", t.Metadata.Annotations)
	p.Labels(b.path+".nodeSelector", s.NodeSelector)
	for _, name := range []struct {
		field, value string
		rule         field.Rule
	}{
		{"serviceAccountName", s.ServiceAccountName, field.Subdomain},
		{"priorityClassName", s.PriorityClassName, field.Subdomain},
		{"runtimeClassName", s.RuntimeClassName, field.Subdomain},
		{"nodeName", s.NodeName, field.Subdomain},
		{"hostname", s.Hostname, field.Label},
		{"subdomain", s.Subdomain, field.Label},
	} {
		p.OptionalName(b.path+"."+name.field, name.value, name.rule)
	}
	b.oneOf(b.path+".dnsPolicy", s.DNSPolicy, "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
	b.oneOf(b.path+".preemptionPolicy", s.PreemptionPolicy, "Never", "PreemptLowerPriority")
	if n := s.GracePeriod; n != nil && *n < 0 {
		p.Invalid(b.path+".terminationGracePeriodSeconds", *n, "must be greater than or equal to 0")
	}
	if n := s.ActiveDeadline; n != nil && (*n < 1 || *n > math.MaxInt32) {
		p.Invalid(b.path+".activeDeadlineSeconds", *n, "must be between 1 and 2147483647, inclusive")
	}
	b.security(b.path+".securityContext", s.SecurityContext)
	b.affinity()
	b.spread()
	b.claims()
	b.dns()
	b.host()
	for i := range s.Volumes {
		b.volume(fmt.Sprintf("%s.volumes[%d]", b.path, i), &s.Volumes[i])
	}
	for _, list := range []struct {
		name string
		all  []Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range list.all {
			b.container(fmt.Sprintf("%s.%s[%d]", b.path, list.name, i), &list.all[i])
		}
	}
}

// oneOf requires that a value, if it is there, is one of those that there are.
func (b *builder) oneOf(path, value string, supported ...string) {
	if value != "" && !slices.Contains(supported, value) {
		b.problems.NotSupported(path, value, supported...)
	}
}

// users says what is wrong with who a container is to run as.
func (b *builder) users(path string, s *SecurityContext) {
	if s == nil {
		return
	}
	for _, id := range []struct {
		field string
		value *int64
	}{{"runAsUser", s.RunAsUser}, {"runAsGroup", s.RunAsGroup}, {"fsGroup", s.FSGroup}} {
		if id.value != nil {
			b.id(path+"."+id.field, *id.value)
		}
	}
}

// id requires the number of a user or group.
func (b *builder) id(path string, id int64) {
	if id < 0 || id > math.MaxInt32 {
		b.problems.Invalid(path, id, "must be between 0 and 2147483647, inclusive")
	}
}

// container says what is wrong with one container.
func (b *builder) container(at string, c *Container) {
	p := b.problems
	p.Name(at+".name", c.Name, field.Label)
	if c.Image == "" {
		p.Required(at+".image", "")
	}
	b.oneOf(at+".terminationMessagePolicy", c.TerminationMessagePolicy, "FallbackToLogsOnError", "File")
	b.security(at+".securityContext", c.SecurityContext)
	b.claimed(at, c.Resources)
	names := map[string]bool{}
	for i, port := range c.Ports {
		where := fmt.Sprintf("%s.ports[%d]", at, i)
		p.OptionalName(where+".name", port.Name, field.Port)
		if names[port.Name] && port.Name != "" {
			p.Duplicate(where+".name", port.Name)
		}
		names[port.Name] = true
		b.oneOf(where+".protocol", port.Protocol, "SCTP", "TCP", "UDP")
		b.number(where+".containerPort", port.ContainerPort)
		if port.HostPort != nil && *port.HostPort != 0 {
			b.number(where+".hostPort", *port.HostPort)
		}
	}
	for i, m := range c.VolumeMounts {
		where := fmt.Sprintf("%s.volumeMounts[%d]", at, i)
		b.below(where+".subPath", m.SubPath)
		b.below(where+".subPathExpr", m.SubPathExpr)
		b.oneOf(where+".mountPropagation", m.MountPropagation, "Bidirectional", "HostToContainer", "None")
		if m.SubPath != "" && m.SubPathExpr != "" {
			p.Invalid(where+".subPathExpr", m.SubPathExpr, "subPathExpr and subPath are mutually exclusive")
		}
	}
	b.once(at+".startupProbe", c.StartupProbe)
	b.once(at+".livenessProbe", c.LivenessProbe)
	if r := c.ReadinessProbe; r != nil && r.Grace != nil {
		p.Invalid(at+".readinessProbe.terminationGracePeriodSeconds", *r.Grace, "must not be set for readinessProbes")
	}
}

// CheckPorts says which ports the containers of a template at a path list twice. One is
// not looked at: the port that is added to what the template says, under its name.
func CheckPorts(t *Template, path, added string, problems *field.Problems) {
	for _, list := range []struct {
		name string
		all  []Container
	}{{"initContainers", t.Spec.InitContainers}, {"containers", t.Spec.Containers}} {
		for i, c := range list.all {
			seen := map[string]bool{}
			for n, port := range c.Ports {
				if port.Name == added {
					continue
				}
				is := fmt.Sprintf(`{"containerPort":%d,"protocol":%q}`, port.ContainerPort, cmp.Or(port.Protocol, "TCP"))
				if seen[is] {
					problems.Duplicate(fmt.Sprintf("%s.spec.%s[%d].ports[%d]", path, list.name, i, n), json.RawMessage(is))
				}
				seen[is] = true
			}
		}
	}
}

// number requires a port's number.
func (b *builder) number(path string, port int32) {
	if port < 1 || port > math.MaxUint16 {
		b.problems.Invalid(path, port, "must be between 1 and 65535, inclusive")
	}
}

// below requires a path that stays below where it begins.
func (b *builder) below(at, name string) {
	if path.IsAbs(name) {
		b.problems.Invalid(at, name, "must be a relative path")
	}
	b.forward(at, name)
}

// forward requires a path that does not go back.
func (b *builder) forward(at, name string) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		b.problems.Invalid(at, name, "must not contain '..'")
	}
}
