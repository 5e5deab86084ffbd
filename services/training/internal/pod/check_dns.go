package pod

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// dns says what is wrong with how a pod is to find names. It has no effect here.
func (b *builder) dns() {
	d, at := b.spec.DNSConfig, b.path+".dnsConfig"
	if b.spec.DNSPolicy == "None" {
		switch {
		case d == nil:
			b.problems.Required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
		case len(d.Nameservers) == 0:
			b.problems.Required(at+".nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
		}
	}
	if d == nil {
		return
	}
	for i, server := range d.Nameservers {
		b.address(fmt.Sprintf("%s.nameservers[%d]", at, i), server)
	}
	for i, search := range d.Searches {
		if search != "." { // names may have underscores here
			b.problems.Name(fmt.Sprintf("%s.searches[%d]", at, i), strings.ReplaceAll(strings.TrimSuffix(search, "."), "_", "-"), field.Subdomain)
		}
	}
	for i, option := range d.Options {
		if option.Name == "" {
			b.problems.Required(fmt.Sprintf("%s.options[%d]", at, i), "must not be empty")
		}
	}
}

func (b *builder) address(path, ip string) {
	if _, err := netip.ParseAddr(ip); err != nil {
		b.problems.Invalid(path, ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
	}
}

// sysctl is the name of a setting of the kernel.
var sysctl = regexp.MustCompile(`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`)

const longestSysctl = 253

// host says what is wrong with what a pod asks of its host. It has no effect here.
func (b *builder) host() {
	p := b.problems
	for i, gate := range b.spec.ReadinessGates {
		p.Name(fmt.Sprintf("%s.readinessGates[%d].conditionType", b.path, i), gate.Condition, field.QualifiedName)
	}
	for i, gate := range b.spec.SchedulingGates {
		p.Name(fmt.Sprintf("%s.schedulingGates[%d]", b.path, i), gate.Name, field.QualifiedName)
	}
	if os := b.spec.OS; os != nil {
		if os.Name == "" {
			p.Required(b.path+".os.name", "")
		}
		b.oneOf(b.path+".os", os.Name, "linux", "windows")
	}
	s, at := b.spec.SecurityContext, b.path+".securityContext"
	if s == nil {
		return
	}
	b.oneOf(at+".fsGroupChangePolicy", s.FSGroupChangePolicy, "Always", "OnRootMismatch")
	for i, id := range s.SupplementalGroups {
		b.id(fmt.Sprintf("%s.supplementalGroups[%d]", at, i), id)
	}
	seen := map[string]bool{}
	for i, setting := range s.Sysctls {
		where := fmt.Sprintf("%s.sysctls[%d].name", at, i)
		switch {
		case setting.Name == "":
			p.Required(where, "")
		case len(setting.Name) > longestSysctl || !sysctl.MatchString(setting.Name):
			p.Invalid(where, setting.Name, "must have at most 253 characters and be the name of a sysctl")
		case seen[setting.Name]:
			p.Duplicate(where, setting.Name)
		}
		seen[setting.Name] = true
	}
}
