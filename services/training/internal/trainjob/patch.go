package trainjob

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// podSpecOverride is a patch as Trainer 2.0 spells it: of the pods of jobs.
type podSpecOverride struct {
	TargetJobs []pod.Reference `json:"targetJobs"`
	podSpecPatch
}

// podTemplateOverride is one as 2.1 does: of the pod templates of jobs.
type podTemplateOverride struct {
	Manager    *string         `json:"manager"`
	TargetJobs []pod.Reference `json:"targetJobs"`
	Metadata   *pod.Metadata   `json:"metadata"`
	Spec       *podSpecPatch   `json:"spec"`
}

// runtimePatch is one as later versions do: of the runtime's specification, by whoever
// manages it.
type runtimePatch struct {
	Manager string  `json:"manager" needed:"yes"`
	Time    *string `json:"time"`
	Spec    *struct {
		Template *struct {
			Metadata *pod.Metadata `json:"metadata"`
			Spec     *struct {
				ReplicatedJobs []jobPatch `json:"replicatedJobs" unique:"name"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"trainingRuntimeSpec"`
}

// jobPatch is what a runtime patch says of one replicated job.
type jobPatch struct {
	Name     string `json:"name" needed:"yes"`
	Template *struct {
		Metadata *pod.Metadata `json:"metadata"`
		Spec     *struct {
			Template *struct {
				Metadata *pod.Metadata `json:"metadata"`
				Spec     *podSpecPatch `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	} `json:"template"`
}

// podSpecPatch are the fields of a pod that may be patched.
type podSpecPatch struct {
	ServiceAccountName *string              `json:"serviceAccountName"`
	NodeSelector       map[string]string    `json:"nodeSelector"`
	Affinity           *pod.Affinity        `json:"affinity"`
	Tolerations        []pod.Toleration     `json:"tolerations"`
	Volumes            []pod.Volume         `json:"volumes" unique:"name"`
	InitContainers     []containerPatch     `json:"initContainers" unique:"name"`
	Containers         []containerPatch     `json:"containers" unique:"name"`
	SchedulingGates    []pod.Named          `json:"schedulingGates" unique:"name"`
	ImagePullSecrets   []pod.Reference      `json:"imagePullSecrets" unique:"name"`
	SecurityContext    *pod.SecurityContext `json:"securityContext"`
	PriorityClassName  *string              `json:"priorityClassName"`
}

// containerPatch are the fields of a container that may be patched.
type containerPatch struct {
	Name            string               `json:"name" needed:"yes"`
	Env             []pod.EnvVar         `json:"env" unique:"name"`
	VolumeMounts    []pod.VolumeMount    `json:"volumeMounts" unique:"mountPath"`
	SecurityContext *pod.SecurityContext `json:"securityContext"`
}

// patch is a patch of one replicated job, whatever its spelling.
type patch struct {
	path  string
	spot  string // where below path the pod's specification is
	job   string // name of the replicated job; empty for all
	named bool   // and may not be empty
	spec  *podSpecPatch
	tree  map[string]any // of the pod template: metadata and spec
}

// patches lists what the manifest patches, in the order in which it takes effect.
func (s *spec) patches(object map[string]any) []patch {
	raw, _ := object["spec"].(map[string]any)
	all := []patch{{path: "spec", tree: map[string]any{
		"metadata": map[string]any{"labels": or(raw["labels"]), "annotations": or(raw["annotations"])},
	}}}
	for i, o := range s.PodSpecOverrides {
		tree := element(raw["podSpecOverrides"], i)
		body := map[string]any{}
		for name, value := range tree {
			if name != "targetJobs" {
				body[name] = value
			}
		}
		all = append(all, targeted(fmt.Sprintf("spec.podSpecOverrides[%d]", i), "", o.TargetJobs, &o.podSpecPatch, map[string]any{"spec": body})...)
	}
	for i, o := range s.PodTemplateOverrides {
		tree := element(raw["podTemplateOverrides"], i)
		all = append(all, targeted(fmt.Sprintf("spec.podTemplateOverrides[%d]", i), ".spec", o.TargetJobs, o.Spec,
			map[string]any{"metadata": or(tree["metadata"]), "spec": or(tree["spec"])})...)
	}
	for i, r := range s.RuntimePatches {
		if r.Spec == nil || r.Spec.Template == nil {
			continue
		}
		template := dig(element(raw["runtimePatches"], i), "trainingRuntimeSpec", "template")
		at := fmt.Sprintf("spec.runtimePatches[%d].trainingRuntimeSpec.template", i)
		if r.Spec.Template.Metadata != nil { // of the set of jobs, so of each of them
			all = append(all, patch{path: at, tree: map[string]any{"metadata": template["metadata"]}})
		}
		if r.Spec.Template.Spec == nil {
			continue
		}
		for n, j := range r.Spec.Template.Spec.ReplicatedJobs {
			one := element(dig(template, "spec")["replicatedJobs"], n)
			all = append(all, j.patches(fmt.Sprintf("%s.spec.replicatedJobs[%d]", at, n), dig(one, "template"))...)
		}
	}
	return all
}

// patches are those of one replicated job: of the job's metadata, and of its pods.
func (j jobPatch) patches(path string, template map[string]any) []patch {
	out := patch{path: path, job: j.Name, named: true, tree: map[string]any{}}
	if j.Template == nil {
		return []patch{out}
	}
	if j.Template.Metadata != nil {
		out.tree["metadata"] = template["metadata"]
	}
	all := []patch{out}
	if j.Template.Spec != nil && j.Template.Spec.Template != nil {
		all = append(all, patch{path: path, spot: ".template.spec.template.spec", job: j.Name, spec: j.Template.Spec.Template.Spec, tree: dig(template, "spec", "template")})
	}
	return all
}

func targeted(path, spot string, jobs []pod.Reference, spec *podSpecPatch, tree map[string]any) []patch {
	if len(jobs) == 0 {
		return []patch{{path: path, spot: spot, spec: spec, tree: tree}}
	}
	var all []patch
	for _, job := range jobs {
		all = append(all, patch{path: path, spot: spot, job: job.Name, spec: spec, tree: tree})
	}
	return all
}

// reserved are the containers whose environment is the trainer's and the initializers'.
var reserved = []string{datasetInitializer, modelInitializer, nodeContainer}

// checkPatches says what is wrong with patches of a runtime.
func checkPatches(s *spec, all []patch, r *runtimeSpec, p *field.Problems) {
	if len(s.RuntimePatches) > maxPatches {
		p.Invalid("spec.runtimePatches", len(s.RuntimePatches), fmt.Sprintf("must have at most %d items", maxPatches))
	}
	for i, one := range s.RuntimePatches {
		one.checkManager(fmt.Sprintf("spec.runtimePatches[%d].manager", i), p)
		checkTime(fmt.Sprintf("spec.runtimePatches[%d].time", i), one.Time, p)
		one.checkMetadata(fmt.Sprintf("spec.runtimePatches[%d].trainingRuntimeSpec.template", i), p)
	}
	for _, one := range all {
		if one.job == "" {
			if one.named {
				p.Required(one.path+".name", "names the replicated job that the patch is of")
			}
			continue
		}
		job := r.job(one.job)
		if job == nil {
			p.Invalid(one.path, one.job, "must not have targetJob that doesn't exist in the runtime job template")
			continue
		}
		one.check(job, p)
	}
}

// domainPath is a name behind a domain, such as acme.io/foo.
var domainPath = regexp.MustCompile(`^([^/]+)/([A-Za-z0-9/\-._~%!$&'()*+,;=:]+)$`)

// checkMetadata says what is wrong with the labels and annotations of a patch.
func (r runtimePatch) checkMetadata(at string, p *field.Problems) {
	if r.Spec == nil || r.Spec.Template == nil {
		return
	}
	checkMetadata(at+".metadata", r.Spec.Template.Metadata, p)
	if r.Spec.Template.Spec == nil {
		return
	}
	jobs := r.Spec.Template.Spec.ReplicatedJobs
	if len(jobs) > maxJobs {
		p.Invalid(at+".spec.replicatedJobs", len(jobs), fmt.Sprintf("must have at most %d items", maxJobs))
	}
	for i, j := range jobs {
		if j.Template != nil {
			checkMetadata(fmt.Sprintf("%s.spec.replicatedJobs[%d].template.metadata", at, i), j.Template.Metadata, p)
		}
	}
}

// checkManager says what is wrong with the name of who owns a patch.
func (r runtimePatch) checkManager(at string, p *field.Problems) {
	parts := domainPath.FindStringSubmatch(r.Manager)
	switch {
	case r.Manager == "":
		p.Required(at, "says who owns the patch")
	case len(r.Manager) > maxName:
		p.Invalid(at, r.Manager, fmt.Sprintf("may not be more than %d bytes", maxName))
	case parts == nil:
		p.Invalid(at, r.Manager, `must be a domain-prefixed path (such as "acme.io/foo")`)
	default:
		p.OptionalName(at, parts[1], field.Subdomain)
	}
}

func (one patch) check(job *replicatedJob, p *field.Problems) {
	if one.spec == nil {
		return
	}
	for i, c := range one.spec.InitContainers {
		if !job.begins(c.Name) && !job.has(c.Name) {
			p.Invalid(fmt.Sprintf("%s.initContainers[%d].name", one.path+one.spot, i), c.Name, "must not have initContainer that doesn't exist in the runtime job "+job.Name)
		}
	}
	for i, c := range one.spec.Containers {
		at := fmt.Sprintf("%s.containers[%d]", one.path+one.spot, i)
		switch {
		case !job.has(c.Name) && !job.begins(c.Name):
			p.Invalid(at+".name", c.Name, "must not have container that doesn't exist in the runtime job "+job.Name)
		case len(c.Env) > 0 && slices.Contains(reserved, c.Name):
			p.Forbidden(at+".env", fmt.Sprintf("must not have envs for the %s, %s, %s containers: use spec.trainer.env and spec.initializer",
				datasetInitializer, modelInitializer, nodeContainer))
		}
	}
}

// or is a value, or when it is missing an object that says nothing.
func or(value any) any {
	if value == nil {
		return map[string]any{}
	}
	return value
}

// element is an element of a list of objects; empty when there is none.
func element(list any, i int) map[string]any {
	all, _ := list.([]any)
	if i >= len(all) {
		return nil
	}
	one, _ := all[i].(map[string]any)
	return one
}

// dig follows names into an object; it is nil where one leads nowhere.
func dig(of map[string]any, names ...string) map[string]any {
	for _, name := range names {
		of, _ = of[name].(map[string]any)
	}
	return of
}
