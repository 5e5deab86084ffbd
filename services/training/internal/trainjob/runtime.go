package trainjob

import (
	"fmt"
	"slices"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// Label of replicated jobs that says which part of a TrainJob they take, and that of
// runtimes that says what they are for.
const (
	labelStep      = "trainer.kubeflow.org/trainjob-ancestor-step"
	LabelFramework = "trainer.kubeflow.org/framework"
)

// Values of labelStep, and names of jobs and containers.
const (
	stepTrainer        = "trainer"
	datasetInitializer = "dataset-initializer"
	modelInitializer   = "model-initializer"
	nodeContainer      = kind.Node
	launcherJob        = "launcher"
)

// runtimeSpec is a runtime's specification.
type runtimeSpec struct {
	MLPolicy       *mlPolicy       `json:"mlPolicy"`
	PodGroupPolicy *podGroupPolicy `json:"podGroupPolicy"`
	Template       struct {
		Metadata pod.Metadata `json:"metadata"`
		Spec     jobSetSpec   `json:"spec"`
	} `json:"template"`
}

// jobSetSpec is the part of a JobSet's specification that means something here.
type jobSetSpec struct {
	ReplicatedJobs []replicatedJob `json:"replicatedJobs" unique:"name"`
	SuccessPolicy  *struct {
		Operator string   `json:"operator" needed:"yes"`
		Jobs     []string `json:"targetReplicatedJobs"`
	} `json:"successPolicy"`
	FailurePolicy *struct {
		MaxRestarts     *int32        `json:"maxRestarts"`
		Rules           []failureRule `json:"rules" honoured:"no"`
		RestartStrategy *string       `json:"restartStrategy"`
	} `json:"failurePolicy"`
	Network       *network       `json:"network"`
	StartupPolicy *startupPolicy `json:"startupPolicy" honoured:"no"`
	Suspend       bool           `json:"suspend" honoured:"no"`
	Coordinator   *coordinator   `json:"coordinator" honoured:"no"`
	ManagedBy     string         `json:"managedBy" honoured:"no"`
	TTL           *int32         `json:"ttlSecondsAfterFinished" honoured:"no"`
	VolumeClaims  []claimPolicy  `json:"volumeClaimPolicies"`
}

// replicatedJob is one job of a JobSet.
type replicatedJob struct {
	Name      string `json:"name"`
	GroupName string `json:"groupName"`
	Replicas  *int32 `json:"replicas"`
	DependsOn []struct {
		Name   string `json:"name" needed:"yes"`
		Status string `json:"status" needed:"yes"`
	} `json:"dependsOn" unique:"name"`
	Template struct {
		Metadata pod.Metadata `json:"metadata"`
		Spec     jobSpec      `json:"spec"`
	} `json:"template" needed:"yes"`
}

// jobSpec is the specification of a job of Kubernetes' own.
type jobSpec struct {
	Parallelism    *int32       `json:"parallelism"`
	Completions    *int32       `json:"completions"`
	CompletionMode string       `json:"completionMode"`
	BackoffLimit   *int32       `json:"backoffLimit"`
	Template       pod.Template `json:"template" needed:"yes"`

	Deadline             *int64            `json:"activeDeadlineSeconds" honoured:"no"`
	TTL                  *int32            `json:"ttlSecondsAfterFinished" honoured:"no"`
	Suspend              bool              `json:"suspend" honoured:"no"`
	PodFailurePolicy     *podFailurePolicy `json:"podFailurePolicy" honoured:"no"`
	SuccessPolicy        *jobSuccessPolicy `json:"successPolicy" honoured:"no"`
	Selector             *pod.Selector     `json:"selector" honoured:"no"`
	ManagedBy            *string           `json:"managedBy" honoured:"no"`
	BackoffLimitPerIndex *int32            `json:"backoffLimitPerIndex" honoured:"no"`
	MaxFailedIndexes     *int32            `json:"maxFailedIndexes" honoured:"no"`
	PodReplacementPolicy string            `json:"podReplacementPolicy"`
	ManualSelector       bool              `json:"manualSelector"`
}

// step is the part of a TrainJob that a replicated job takes; empty for none.
func (r *replicatedJob) step() string {
	if step := r.Template.Metadata.Labels[labelStep]; step != "" {
		return step
	}
	return r.Template.Spec.Template.Metadata.Labels[labelStep]
}

// has reports whether the job's pods have a container of a name.
func (r *replicatedJob) has(container string) bool {
	return slices.ContainsFunc(r.Template.Spec.Template.Spec.Containers, func(c pod.Container) bool { return c.Name == container })
}

// begins reports whether the job's pods have an init container of a name.
func (r *replicatedJob) begins(container string) bool {
	return slices.ContainsFunc(r.Template.Spec.Template.Spec.InitContainers, func(c pod.Container) bool { return c.Name == container })
}

// initializerVolume is the volume that initializers write to.
const initializerVolume = "initializer"

// fetches reports whether a container of the job's pods mounts the volume that
// initializers write to.
func (r *replicatedJob) fetches(container string) bool {
	return slices.ContainsFunc(r.Template.Spec.Template.Spec.Containers, func(c pod.Container) bool {
		return c.Name == container && slices.ContainsFunc(c.VolumeMounts, func(m pod.VolumeMount) bool { return m.Name == initializerVolume })
	})
}

// job returns the replicated job of a name; nil when there is none.
func (r *runtimeSpec) job(name string) *replicatedJob {
	jobs := r.Template.Spec.ReplicatedJobs
	if i := slices.IndexFunc(jobs, func(j replicatedJob) bool { return j.Name == name }); i >= 0 {
		return &jobs[i]
	}
	return nil
}

// adopt has a job named node train, with a container named node, where none has the label
// that says so: guides of Kubeflow's leave it out. Upstream runs such a job as the runtime has
// it, and passes over what a TrainJob says of its trainer; so any other job is run here.
func (r *runtimeSpec) adopt(p *field.Problems) {
	node := r.job(nodeContainer)
	switch {
	case r.trains() != nil || len(r.Template.Spec.ReplicatedJobs) == 0 || r.MLPolicy.rendezvous() == kind.MPI:
		return
	case node == nil || node.step() != "" || !node.has(nodeContainer):
		p.Warn("no job of spec.template.spec.replicatedJobs has the label %s: %s: they run as they are, and what a TrainJob says of its trainer has no effect",
			labelStep, stepTrainer)
		return
	}
	m := &node.Template.Metadata
	m.Labels = merged(m.Labels, map[string]string{labelStep: stepTrainer})
	p.Warn("no job of spec.template.spec.replicatedJobs has the label %s: %s: the one named %s is taken for the one that trains", labelStep, stepTrainer, nodeContainer)
}

// trains returns the replicated job that trains; nil when there is none.
func (r *runtimeSpec) trains() *replicatedJob {
	jobs := r.Template.Spec.ReplicatedJobs
	if i := slices.IndexFunc(jobs, func(j replicatedJob) bool { return j.step() == stepTrainer }); i >= 0 {
		return &jobs[i]
	}
	return nil
}

// leads returns the job that is waited for: the one that trains, or else the first.
func (r *runtimeSpec) leads() *replicatedJob {
	if trains := r.trains(); trains != nil {
		return trains
	}
	return &r.Template.Spec.ReplicatedJobs[0]
}

// Runtime is a runtime that was read.
type Runtime struct {
	Ref         Ref
	Labels      map[string]string
	Annotations map[string]string
	// ManagedFields is who set which field; empty when the manifest does not say.
	ManagedFields string
	Warnings      []string
	// Manifest is the object as JSON.
	Manifest string
}

// ParseRuntime reads a runtime in a namespace, which counts when the manifest, of a
// TrainingRuntime, names none. The error is a fault.Invalid with everything that is wrong.
func ParseRuntime(manifest []byte, namespace string) (*Runtime, error) {
	object, err := kind.Object(manifest)
	if err != nil {
		return nil, err
	}
	p := &field.Problems{}
	var h kind.Head
	decode.Into(object, &h, "", p)
	if h.APIVersion != kind.TrainerVersion || h.Kind != clusterKind && h.Kind != namespacedKind {
		return nil, fault.Invalidf("kind", "no matches for kind %q in version %q; runtimes are %s of %s and %s",
			h.Kind, h.APIVersion, kind.TrainerVersion, clusterKind, namespacedKind)
	}
	r := &runtimeSpec{}
	decode.Into(object["spec"], r, "spec", p)
	checkDNS("metadata.name", h.Metadata.Name, field.Subdomain, p)
	p.Labels("metadata.labels", h.Metadata.Labels)
	p.Annotations("metadata.annotations", h.Metadata.Annotations)
	r.check(p)
	ref := Ref{Kind: h.Kind, Name: h.Metadata.Name}
	switch {
	case h.Kind == clusterKind && h.Metadata.Namespace != "":
		p.Forbidden("metadata.namespace", "not allowed on this type: a ClusterTrainingRuntime is of no namespace")
	case h.Kind == namespacedKind && h.Metadata.Namespace != "":
		ref.Namespace = h.Metadata.Namespace
	case h.Kind == namespacedKind:
		ref.Namespace = namespace
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	out := &Runtime{Ref: ref, Labels: h.Metadata.Labels, Annotations: h.Metadata.Annotations, ManagedFields: h.Metadata.Owners(), Warnings: p.Warnings()}
	out.Manifest, err = kind.Render(h.Kind, object)
	return out, err
}

// check says what is wrong with a runtime.
func (r *runtimeSpec) check(p *field.Problems) {
	r.adopt(p)
	r.MLPolicy.check("spec.mlPolicy", p)
	r.checkUnused(p)
	checkMetadata("spec.template.metadata", &r.Template.Metadata, p)
	jobs := r.Template.Spec.ReplicatedJobs
	if len(jobs) == 0 {
		p.Required("spec.template.spec.replicatedJobs", "must have at least the job that trains")
	}
	seen := map[string]bool{}
	for i := range jobs {
		at := fmt.Sprintf("spec.template.spec.replicatedJobs[%d]", i)
		jobs[i].check(at, seen, p)
		seen[jobs[i].Name] = true
	}
	if r.trains() == nil && len(jobs) > 0 && r.MLPolicy.rendezvous() == kind.MPI {
		p.Required("spec.template.spec.replicatedJobs", "must have a job with the label "+labelStep+": "+stepTrainer)
	}
	if s := r.Template.Spec.SuccessPolicy; s != nil {
		if s.Operator != "All" && s.Operator != "Any" {
			p.NotSupported("spec.template.spec.successPolicy.operator", s.Operator, "All", "Any")
		}
		for i, name := range s.Jobs {
			if !seen[name] {
				p.Invalid(fmt.Sprintf("spec.template.spec.successPolicy.targetReplicatedJobs[%d]", i), name, "must be one of the replicatedJobs")
			}
		}
	}
	r.Template.Spec.checkClaims("spec.template.spec", p)
	if p.Any() {
		return // the rest would only repeat it
	}
	r.Template.Spec.checkShared("spec.template.spec", p)
	claims := kind.ClaimNames(r.Template.Spec.claims(), "job")
	for i := range jobs {
		at := fmt.Sprintf("spec.template.spec.replicatedJobs[%d].template.spec.template", i)
		jobs[i].imagine()
		pod.CheckPorts(&jobs[i].Template.Spec.Template, at, "", p)
		pod.Build(&jobs[i].Template.Spec.Template, jobs[i].main(), at, pod.Names{Claims: claims}, p)
	}
}

// imagine gives containers an image that have none: a job may say it.
func (r *replicatedJob) imagine() {
	for i := range r.Template.Spec.Template.Spec.Containers {
		if c := &r.Template.Spec.Template.Spec.Containers[i]; c.Image == "" {
			c.Image = "the job's"
		}
	}
}

// main is the name of the container that counts.
func (r *replicatedJob) main() string {
	if step := r.step(); step != stepTrainer && step != "" {
		return step
	}
	return nodeContainer
}

// check says what is wrong with a replicated job; before are the names of those that come
// before it, which alone it may depend on.
func (r *replicatedJob) check(at string, before map[string]bool, p *field.Problems) {
	if before[r.Name] {
		p.Duplicate(at+".name", r.Name)
	} else {
		checkDNS(at+".name", r.Name, field.Service, p)
	}
	checkMetadata(at+".template.metadata", &r.Template.Metadata, p)
	if r.Replicas != nil && *r.Replicas != 1 {
		p.Invalid(at+".replicas", *r.Replicas, "always must be 1")
	}
	for name, n := range map[string]*int32{"parallelism": r.Template.Spec.Parallelism, "completions": r.Template.Spec.Completions} {
		if n != nil && (*n < 1 || *n > maxNodes) {
			p.Invalid(at+".template.spec."+name, *n, fmt.Sprintf("must be between 1 and %d", maxNodes))
		}
	}
	if n := r.Template.Spec.BackoffLimit; n != nil && *n < 0 {
		p.Invalid(at+".template.spec.backoffLimit", *n, "must be greater than or equal to 0")
	}
	r.checkContainers(at+".template.spec.template.spec.containers", p)
	switch policy := r.Template.Spec.Template.Spec.RestartPolicy; policy {
	case "", "Never", "OnFailure":
	default:
		p.NotSupported(at+".template.spec.template.spec.restartPolicy", policy, "OnFailure", "Never")
	}
	r.checkDependencies(at, before, p)
}

// checkContainers requires the container that the job's step is done by.
func (r *replicatedJob) checkContainers(containers string, p *field.Problems) {
	switch step := r.step(); {
	case len(r.Template.Spec.Template.Spec.Containers) == 0:
		p.Required(containers, "must be specified")
	case (step == stepTrainer || step == datasetInitializer || step == modelInitializer) && !r.has(r.main()):
		p.Required(containers, "must contain the required container for the ancestor "+step+", which is named "+r.main())
	}
}

func (r *replicatedJob) checkDependencies(at string, before map[string]bool, p *field.Problems) {
	for i, d := range r.DependsOn {
		where := fmt.Sprintf("%s.dependsOn[%d]", at, i)
		if !before[d.Name] {
			p.Invalid(where+".name", d.Name, "must be one of the replicatedJobs before it")
		}
		if d.Status != "Ready" && d.Status != "Complete" {
			p.NotSupported(where+".status", d.Status, "Complete", "Ready")
		}
	}
}

// checkMetadata says what is wrong with labels and annotations, which may be missing.
func checkMetadata(path string, m *pod.Metadata, p *field.Problems) {
	if m != nil {
		p.Labels(path+".labels", m.Labels)
		p.Annotations(path+".annotations", m.Annotations)
	}
}

// checkDNS requires that a name is there and is one.
func checkDNS(path, name string, rule field.Rule, p *field.Problems) {
	if name == "" {
		p.Required(path, "name is required")
	}
	p.OptionalName(path, name, rule)
}
