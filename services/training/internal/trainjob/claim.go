package trainjob

import (
	"fmt"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// claimPolicy is a sort of volumes that are made for a set of jobs: as JobSet has it, one for each
// template, which all replicated jobs share that mount a volume of the template's name.
type claimPolicy struct {
	Templates []claimTemplate `json:"templates"`
	Retention *struct {
		WhenDeleted *string `json:"whenDeleted"`
	} `json:"retentionPolicy"`
}

// claimTemplate is one of them.
type claimTemplate struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   pod.Metadata   `json:"metadata"`
	Spec       claimSpec      `json:"spec"`
	Status     map[string]any `json:"status"`
}

// claimSpec is what is asked of a volume.
type claimSpec struct {
	AccessModes []string       `json:"accessModes"`
	Class       *string        `json:"storageClassName" honoured:"no"`
	Attributes  *string        `json:"volumeAttributesClassName" honoured:"no"`
	Mode        *string        `json:"volumeMode"`
	Volume      string         `json:"volumeName" honoured:"no"`
	Resources   pod.Resources  `json:"resources"`
	Selector    *pod.Selector  `json:"selector" honoured:"no"`
	Source      map[string]any `json:"dataSource"`
	SourceRef   map[string]any `json:"dataSourceRef"`
}

// What may become of volumes when their job is deleted. Unless it says so, they go with it.
const (
	retentionDelete = "Delete"
	retentionRetain = "Retain"
)

// accessModes are those that a volume may have.
var accessModes = []string{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}

// Bounds, as upstream's schema and JobSet have them.
const (
	maxClaims    = 50
	maxClaimName = 63
)

// retained reports whether volumes stay when their job is deleted.
func (c *claimPolicy) retained() bool {
	return c.Retention != nil && c.Retention.WhenDeleted != nil && *c.Retention.WhenDeleted == retentionRetain
}

// checkClaims says what is wrong with the volumes of a set of jobs, whose specification is at a path.
func (s *jobSetSpec) checkClaims(at string, p *field.Problems) {
	path := at + ".volumeClaimPolicies"
	if n := len(s.VolumeClaims); n > maxClaims {
		p.Invalid(path, n, fmt.Sprintf("must have at most %d items", maxClaims))
	}
	seen := map[string]bool{}
	for i := range s.VolumeClaims {
		policy, at := &s.VolumeClaims[i], fmt.Sprintf("%s[%d]", path, i)
		if n := len(policy.Templates); n > maxClaims {
			p.Invalid(at+".templates", n, fmt.Sprintf("must have at most %d items", maxClaims))
		}
		if r := policy.Retention; r != nil && r.WhenDeleted != nil && !slices.Contains([]string{retentionDelete, retentionRetain}, *r.WhenDeleted) {
			p.NotSupported(at+".retentionPolicy.whenDeleted", *r.WhenDeleted, retentionDelete, retentionRetain)
		}
		for n := range policy.Templates {
			t, at := &policy.Templates[n], fmt.Sprintf("%s.templates[%d]", at, n)
			if seen[t.Metadata.Name] {
				p.Duplicate(at+".metadata.name", t.Metadata.Name)
			} else {
				p.Name(at+".metadata.name", t.Metadata.Name, field.Label)
			}
			seen[t.Metadata.Name] = true
			t.check(at, p)
		}
	}
}

// checkShared says what is wrong with how replicated jobs mount these volumes.
func (s *jobSetSpec) checkShared(at string, p *field.Problems) {
	for i := range s.VolumeClaims {
		for n := range s.VolumeClaims[i].Templates {
			s.checkMounts(at, s.VolumeClaims[i].Templates[n].Metadata.Name, p)
		}
	}
}

// check says what is wrong with a template by itself.
func (t *claimTemplate) check(at string, p *field.Problems) {
	if t.Metadata.Namespace != "" {
		p.Forbidden(at+".metadata.namespace", "a volume is in the namespace of the job that it is made for")
	}
	checkMetadata(at+".metadata", &t.Metadata, p)
	if len(t.Spec.AccessModes) == 0 {
		p.Required(at+".spec.accessModes", "at least 1 access mode is required")
	}
	for i, mode := range t.Spec.AccessModes {
		if !slices.Contains(accessModes, mode) {
			p.NotSupported(fmt.Sprintf("%s.spec.accessModes[%d]", at, i), mode, accessModes...)
		}
	}
	if mode := t.Spec.Mode; mode != nil && *mode != "Filesystem" {
		p.NotSupported(at+".spec.volumeMode", *mode, "Filesystem")
	}
	for name, source := range map[string]map[string]any{"dataSource": t.Spec.Source, "dataSourceRef": t.Spec.SourceRef} {
		if source != nil {
			p.Forbidden(at+".spec."+name, "volumes begin empty here")
		}
	}
	t.checkSize(at+".spec.resources", p)
}

// checkSize says what is wrong with how large a volume is to be.
func (t *claimTemplate) checkSize(at string, p *field.Problems) {
	of := t.Spec.Resources
	for name, amounts := range map[string]map[string]decode.Scalar{"requests": of.Requests, "limits": of.Limits} {
		for resource, amount := range amounts {
			if _, ok := pod.Quantity(string(amount), 1); !ok {
				p.Invalid(at+"."+name+"["+resource+"]", string(amount), "must be a size, such as 5Gi")
			}
		}
	}
	switch bytes, ok := t.size(); {
	case of.Requests["storage"] == "":
		p.Required(at+"[storage]", "give spec.resources.requests.storage, such as 5Gi")
	case ok && bytes == 0:
		p.Invalid(at+"[storage]", string(of.Requests["storage"]), "must be above 0")
	}
}

// size is that of a volume in bytes, and whether the template says one.
func (t *claimTemplate) size() (int64, bool) {
	return pod.Quantity(string(t.Spec.Resources.Requests["storage"]), 1)
}

// checkMounts says of which replicated jobs a template's volume is not the one of its name, and
// whether none mounts it.
func (s *jobSetSpec) checkMounts(at, name string, p *field.Problems) {
	mounted := false
	for i := range s.ReplicatedJobs {
		spec := &s.ReplicatedJobs[i].Template.Spec.Template.Spec
		mounted = mounted || spec.Mounts(name)
		for n, v := range spec.Volumes {
			if v.Name == name {
				p.Invalid(fmt.Sprintf("%s.replicatedJobs[%d].template.spec.template.spec.volumes[%d].name", at, i, n), name,
					"is the name of a volume that volumeClaimPolicies have made for the job")
			}
		}
	}
	if !mounted && len(s.ReplicatedJobs) > 0 {
		p.Invalid(at+".replicatedJobs", name, "no container mounts this volume of volumeClaimPolicies")
	}
}

// claims are the volumes that are made for a job.
func (s *jobSetSpec) claims() []kind.Claim {
	var all []kind.Claim
	for i := range s.VolumeClaims {
		policy := &s.VolumeClaims[i]
		for n := range policy.Templates {
			t := &policy.Templates[n]
			size, _ := t.size()
			claim := kind.Claim{
				Volume: t.Metadata.Name, Labels: t.Metadata.Labels, Annotations: t.Metadata.Annotations,
				SizeBytes: size, AccessModes: t.Spec.AccessModes, Retained: policy.retained(),
			}
			if t.Spec.Class != nil {
				claim.StorageClass = *t.Spec.Class
			}
			all = append(all, claim)
		}
	}
	return all
}

// checkClaimNames says which volumes of the runtime have no name that is one, for this job.
func (b *builder) checkClaimNames() {
	path, job := "metadata.name", b.job.Name
	if job == "" {
		path, job = "metadata.generateName", b.job.GenerateName+"xxxxx"
	}
	for _, claim := range b.job.Claims {
		if name := claim.Name(job); len(name) > maxClaimName {
			b.problems.Invalid(path, job, fmt.Sprintf("is too long for the volume %s that the runtime has made for it, which may have a name of %d bytes", name, maxClaimName))
		}
	}
}
