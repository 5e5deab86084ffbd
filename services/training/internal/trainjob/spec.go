package trainjob

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// Kinds of runtimes, and their API group.
const (
	group          = "trainer.kubeflow.org"
	clusterKind    = "ClusterTrainingRuntime"
	namespacedKind = "TrainingRuntime"
)

// Values of managedBy. Whatever it says, kfmesh runs the job.
const (
	managedByTrainer    = "trainer.kubeflow.org/trainjob-controller"
	managedByMultiKueue = "kueue.x-k8s.io/multikueue"
)

// spec is a TrainJob's specification.
type spec struct {
	RuntimeRef  *runtimeRef       `json:"runtimeRef"`
	Initializer *initializers     `json:"initializer"`
	Trainer     *trainer          `json:"trainer"`
	Suspend     *bool             `json:"suspend"`
	Deadline    *int64            `json:"activeDeadlineSeconds"`
	ManagedBy   *string           `json:"managedBy"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`

	// The three spellings of patches, the oldest first.
	PodSpecOverrides     []podSpecOverride     `json:"podSpecOverrides"`
	PodTemplateOverrides []podTemplateOverride `json:"podTemplateOverrides"`
	RuntimePatches       []runtimePatch        `json:"runtimePatches" unique:"manager"`
}

// runtimeRef names a runtime.
type runtimeRef struct {
	Name     string `json:"name" needed:"yes"`
	APIGroup string `json:"apiGroup"`
	Kind     string `json:"kind"`
}

// in is the reference of a job in a namespace.
func (r *runtimeRef) in(namespace string) Ref {
	if r.Kind == clusterKind {
		return Ref{Kind: r.Kind, Name: r.Name}
	}
	return Ref{Kind: r.Kind, Namespace: namespace, Name: r.Name}
}

// initializers are what prepares data before the training.
type initializers struct {
	Dataset *initializer `json:"dataset"`
	Model   *initializer `json:"model"`
}

// initializer says where data comes from.
type initializer struct {
	StorageURI *string        `json:"storageUri"`
	Env        []pod.EnvVar   `json:"env" unique:"name"`
	SecretRef  *pod.Reference `json:"secretRef"` // whose keys are variables
}

// trainer says what trains.
type trainer struct {
	Image          *string        `json:"image"`
	Command        []string       `json:"command"`
	Args           []string       `json:"args"`
	Env            []pod.EnvVar   `json:"env" unique:"name"`
	NumNodes       *int32         `json:"numNodes"`
	Resources      *pod.Resources `json:"resourcesPerNode"`
	NumProcPerNode *decode.Scalar `json:"numProcPerNode"`
}

// Bounds, as upstream's schema has them.
const (
	maxEnv     = 128
	maxWords   = 128
	maxURI     = 2048
	maxWord    = 1 << 20
	maxImage   = 500
	maxName    = 253
	maxJobs    = 100
	maxPatches = 16
	maxNodes   = 4096
)

var storageURI = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://.+|/.*)$`)

// check says what is wrong with what does not depend on the runtime.
func (s *spec) check(p *field.Problems) {
	switch r := s.RuntimeRef; {
	case r == nil || r.Name == "":
		p.Required("spec.runtimeRef.name", "names the runtime that the job is made of")
	default:
		if r.APIGroup != group {
			p.NotSupported("spec.runtimeRef.apiGroup", r.APIGroup, group)
		}
		if r.Kind != clusterKind && r.Kind != namespacedKind {
			p.NotSupported("spec.runtimeRef.kind", r.Kind, clusterKind, namespacedKind)
		}
	}
	if s.Deadline != nil && *s.Deadline < 1 {
		p.Invalid("spec.activeDeadlineSeconds", *s.Deadline, "should be greater than or equal to 1")
	}
	switch by := s.ManagedBy; {
	case by == nil, *by == managedByTrainer:
	case *by == managedByMultiKueue:
		p.Warn("spec.managedBy: kfmesh runs the job whoever else is named")
	default:
		p.Invalid("spec.managedBy", *by, "ManagedBy must be "+managedByTrainer+" or "+managedByMultiKueue+" if set")
	}
	if i := s.Initializer; i != nil {
		i.Dataset.check("spec.initializer.dataset", p)
		i.Model.check("spec.initializer.model", p)
	}
	s.Trainer.check("spec.trainer", p)
}

func (i *initializer) check(path string, p *field.Problems) {
	if i == nil {
		return
	}
	if u := i.StorageURI; u != nil {
		switch {
		case len(*u) > maxURI:
			p.Invalid(path+".storageUri", *u, fmt.Sprintf("may not be more than %d bytes", maxURI))
		case *u != "" && !storageURI.MatchString(*u):
			p.Invalid(path+".storageUri", *u, "should be a URI such as s3://bucket/path or hf://name, or a path")
		}
	}
	checkEnv(path+".env", i.Env, p)
	if i.SecretRef != nil && i.SecretRef.Name == "" {
		p.Required(path+".secretRef.name", "")
	}
}

func (t *trainer) check(path string, p *field.Problems) {
	if t == nil {
		return
	}
	if n := t.NumNodes; n != nil && (*n < 1 || *n > maxNodes) {
		p.Invalid(path+".numNodes", *n, "must be between 1 and "+strconv.Itoa(maxNodes))
	}
	checkWords(path+".command", t.Command, p)
	checkWords(path+".args", t.Args, p)
	if t.Image != nil && len(*t.Image) > maxImage {
		p.Invalid(path+".image", *t.Image, fmt.Sprintf("may not be more than %d bytes", maxImage))
	}
	if t.Resources != nil {
		pod.CheckResources(path+".resourcesPerNode", *t.Resources, p)
	}
	checkEnv(path+".env", t.Env, p)
}

// checkWords says what is wrong with the words of a command.
func checkWords(path string, words []string, p *field.Problems) {
	if len(words) > maxWords {
		p.Invalid(path, len(words), "must have at most "+strconv.Itoa(maxWords)+" items")
	}
	for i, word := range words {
		if len(word) > maxWord {
			p.Invalid(fmt.Sprintf("%s[%d]", path, i), word, fmt.Sprintf("may not be more than %d bytes", maxWord))
		}
	}
}

// checkEnv says what is wrong with a list of variables.
func checkEnv(path string, env []pod.EnvVar, p *field.Problems) {
	if len(env) > maxEnv {
		p.Invalid(path, len(env), "must have at most "+strconv.Itoa(maxEnv)+" items")
	}
	for i, e := range env {
		p.Name(fmt.Sprintf("%s[%d].name", path, i), e.Name, field.EnvName)
	}
}
