package pod

import (
	"fmt"
	"path"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// others says what is wrong with sources of volumes that cannot be mounted here.
func (b *builder) others(at string, o *Others) {
	p := b.problems
	if n := o.NFS; n != nil {
		if n.Server == "" {
			p.Required(at+".nfs.server", "")
		}
		switch {
		case n.Path == "":
			p.Required(at+".nfs.path", "")
		case !path.IsAbs(n.Path):
			p.Invalid(at+".nfs.path", n.Path, "must be an absolute path")
		}
	}
	if d := o.Downward; d != nil {
		b.downward(at+".downwardAPI", d)
	}
	if o.Projected == nil {
		return
	}
	b.mode(at+".projected.defaultMode", o.Projected.DefaultMode)
	for i, s := range o.Projected.Sources {
		where := fmt.Sprintf("%s.projected.sources[%d]", at, i)
		if s.Secret != nil {
			b.keyVolume(where+".secret", "name", s.Secret.Name, s.Secret)
		}
		if s.ConfigMap != nil {
			b.keyVolume(where+".configMap", "name", s.ConfigMap.Name, s.ConfigMap)
		}
		if s.Downward != nil {
			b.downward(where+".downwardAPI", s.Downward)
		}
	}
}

// inFiles are the fields of a pod that may be files, beside those with a key.
var inFiles = []string{"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}

func (b *builder) downward(at string, d *Downward) {
	b.mode(at+".defaultMode", d.DefaultMode)
	for i, item := range d.Items {
		where := fmt.Sprintf("%s.items[%d]", at, i)
		b.mode(where+".mode", item.Mode)
		if item.Path == "" {
			b.problems.Required(at+".path", "")
		}
		b.below(at+".path", item.Path)
		switch f := item.Field; {
		case f == nil && item.Resource == nil:
			b.problems.Required(at, "one of fieldRef and resourceFieldRef is required")
		case f == nil:
		case f.FieldPath == "":
			b.problems.Required(at+".fieldRef.fieldPath", "")
		case !slices.Contains(inFiles, f.FieldPath) && !withKey.MatchString(f.FieldPath):
			b.problems.Invalid(at+".fieldRef.fieldPath", f.FieldPath, "error converting fieldPath: field label not supported: "+f.FieldPath)
		}
	}
}

// claims says what is wrong with the devices that a pod claims.
func (b *builder) claims() {
	for i, c := range b.spec.ResourceClaims {
		at := fmt.Sprintf("%s.resourceClaims[%d]", b.path, i)
		b.problems.Name(at+".name", c.Name, field.Label)
		if (c.Claim == nil) == (c.Template == nil) {
			b.problems.Invalid(at, c.Name, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
		}
		for name, of := range map[string]*string{"resourceClaimName": c.Claim, "resourceClaimTemplateName": c.Template} {
			if of != nil {
				b.problems.Name(at+"."+name, *of, field.Subdomain)
			}
		}
	}
}

// claimed says which devices a container uses that its pod does not claim.
func (b *builder) claimed(at string, r Resources) {
	for i, c := range r.Claims {
		if !slices.ContainsFunc(b.spec.ResourceClaims, func(of ResourceClaim) bool { return of.Name == c.Name }) {
			b.problems.NotFound(fmt.Sprintf("%s.resources.claims[%d].name", at, i), c.Name)
		}
	}
}

// security says what is wrong with a security context.
func (b *builder) security(at string, s *SecurityContext) {
	if s == nil {
		return
	}
	b.users(at, s)
	b.oneOf(at+".procMount", s.ProcMount, "Default", "Unmasked")
	for name, profile := range map[string]*Profile{"seccompProfile": s.Seccomp, "appArmorProfile": s.AppArmor} {
		if profile == nil {
			continue
		}
		where := at + "." + name
		if profile.Type == "" {
			b.problems.Required(where+".type", "")
		}
		b.oneOf(where+".type", profile.Type, "Localhost", "RuntimeDefault", "Unconfined")
		if local := profile.Type == "Localhost"; local != (profile.Localhost != nil) {
			b.problems.Invalid(where+".localhostProfile", profile.Type, "must be set if, and only if, the type is Localhost")
		}
	}
}

// spread says what is wrong with how pods are to be spread.
func (b *builder) spread() {
	for i, s := range b.spec.Spread {
		at := fmt.Sprintf("%s.topologySpreadConstraints[%d]", b.path, i)
		if s.MaxSkew <= 0 {
			b.problems.Invalid(at+".maxSkew", s.MaxSkew, "must be greater than zero")
		}
		if s.TopologyKey == "" {
			b.problems.Required(at+".topologyKey", "can not be empty")
		}
		if s.WhenUnsatisfiable == "" {
			b.problems.NotSupported(at+".whenUnsatisfiable", "", "DoNotSchedule", "ScheduleAnyway")
		}
		b.oneOf(at+".whenUnsatisfiable", s.WhenUnsatisfiable, "DoNotSchedule", "ScheduleAnyway")
		if of := s.Selector; of != nil {
			b.problems.Labels(at+".labelSelector.matchLabels", of.Labels)
			b.requirements(at+".labelSelector.matchExpressions", of.Expressions, "DoesNotExist", "Exists", "In", "NotIn")
		}
	}
}
