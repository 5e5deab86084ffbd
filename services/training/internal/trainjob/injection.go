package trainjob

import (
	"fmt"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// injection names containers that are told what the nodes are told.
type injection struct {
	Targets []injectionTarget `json:"targets" unique:"jobName"`
}

// injectionTarget are containers of one replicated job.
type injectionTarget struct {
	Job        string   `json:"jobName" needed:"yes"`
	Containers []string `json:"containerNames" needed:"yes"`
}

// injected are the containers that a policy names, by the name of their job.
func (m *mlPolicy) injected() map[string][]string {
	if m == nil || m.Torch == nil || m.Torch.EnvInjection == nil {
		return nil
	}
	all := map[string][]string{}
	for _, target := range m.Torch.EnvInjection.Targets {
		all[target.Job] = target.Containers
	}
	return all
}

// Bounds, as upstream's schema has them.
const (
	maxTargets    = 16
	maxContainers = 8
	maxLabel      = 63
)

// check says what is wrong with the containers that are named.
func (i *injection) check(path string, p *field.Problems) {
	if i == nil {
		return
	}
	if len(i.Targets) > maxTargets {
		p.Invalid(path+".targets", len(i.Targets), fmt.Sprintf("must have at most %d items", maxTargets))
	}
	for n, target := range i.Targets {
		at := fmt.Sprintf("%s.targets[%d]", path, n)
		if target.Job == "" {
			p.Required(at+".jobName", "")
		}
		if len(target.Containers) == 0 || len(target.Containers) > maxContainers {
			p.Invalid(at+".containerNames", len(target.Containers), fmt.Sprintf("must have between 1 and %d items", maxContainers))
		}
		if len(target.Job) > maxName {
			p.Invalid(at+".jobName", target.Job, fmt.Sprintf("may not be more than %d bytes", maxName))
		}
		for k, name := range target.Containers {
			if slices.Contains(target.Containers[:k], name) {
				p.Duplicate(fmt.Sprintf("%s.containerNames[%d]", at, k), name)
			}
			if len(name) > maxLabel {
				p.Invalid(fmt.Sprintf("%s.containerNames[%d]", at, k), name, fmt.Sprintf("may not be more than %d bytes", maxLabel))
			}
			if name == nodeContainer {
				p.Invalid(at+".containerNames", name, "must not include the main node container because PET_* envs are always injected into it")
			}
		}
	}
}

// checkInjection says which of the containers a runtime does not have.
func (r *runtimeSpec) checkInjection(runtime string, p *field.Problems) {
	for name, containers := range r.MLPolicy.injected() {
		for _, container := range containers {
			if job := r.job(name); job == nil || !job.has(container) && !job.begins(container) {
				p.Invalid("spec.runtimeRef", runtime, fmt.Sprintf("envInjection target podSet %q container %q not found in runtime template", name, container))
			}
		}
	}
}
