package launch

import (
	"fmt"
	"math"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// Pod is what the platform spec adds to a step, in the words of a workload.
type Pod struct {
	Labels          map[string]string
	Annotations     map[string]string
	Env             []*gpuagentv1.EnvVar // after the step's own
	Volumes         []*gpuagentv1.Volume
	Mounts          []*gpuagentv1.VolumeMount
	NodeSelector    map[string]string
	Tolerations     []*gpuagentv1.Toleration
	Schedule        Schedule
	PullPolicy      gpuagentv1.PullPolicy
	PullSecrets     []string
	SecurityContext *gpuagentv1.SecurityContext
	Deadline        time.Duration // after which the step is stopped; 0 for none
	// Warnings name what the platform spec asks for and no runtime can give.
	Warnings []string
}

// mostSeconds is the longest deadline, in seconds that a time.Duration holds.
const mostSeconds = ir.Int(math.MaxInt64 / time.Second)

// runLabel is the label by which KFP marks the pods of a run.
const runLabel = "pipeline/runid"

// podBuilder turns the platform spec's pod of a task into a Pod.
type podBuilder struct {
	spec  *ir.Pod // bound
	scope *placeholder.Scope
	pod   Pod
}

// buildPod does for a step what the platform spec says of its pod. What cannot
// be done is a warning, or refused where a step that runs without it would do
// something else than it was meant to.
func buildPod(req Request, scope *placeholder.Scope) (Pod, error) {
	if req.Pod == nil {
		return Pod{}, nil
	}
	b := podBuilder{spec: req.Pod, scope: scope}
	b.pod.Labels, b.pod.Annotations = merge(map[string]string{runLabel: req.Run.ID}, b.spec.PodMetadata.Labels), b.spec.PodMetadata.Annotations
	b.pod.Deadline = time.Duration(min(max(0, b.spec.ActiveDeadlineSeconds), mostSeconds)) * time.Second
	for _, c := range b.spec.InitContainers {
		return Pod{}, b.refuse("initContainers", "the init container %q cannot be run; do its work in a task of its own or in the step", c.Name)
	}
	for _, part := range []func() error{b.secretEnv, b.configMapEnv, b.fieldEnv, b.keyedVolumes, b.claims, b.scratch, b.image, b.node, b.schedule} {
		if err := part(); err != nil {
			return Pod{}, err
		}
	}
	b.securityContext()
	for _, field := range b.spec.Unknown {
		b.warn("%s is not known to kfmesh and was ignored", field)
	}
	return b.pod, nil
}

func (b *podBuilder) warn(format string, args ...any) {
	b.pod.Warnings = append(b.pod.Warnings, "Kubernetes platform spec: "+fmt.Sprintf(format, args...))
}

func (b *podBuilder) refuse(field, format string, args ...any) error {
	return fault.New(fault.Invalid, "its Kubernetes platform spec, %s: %s", field, fmt.Sprintf(format, args...))
}

// name is the name that a reference stands for, empty when its parameter has no
// value: then KFP leaves out what is named, and so is it here, with a warning
// unless it is optional.
func (b *podBuilder) name(field string, in *ir.ParameterInput, optional bool) (string, error) {
	if in == nil {
		return "", b.refuse(field, "it names nothing; it must have a name, or a parameter that holds one")
	}
	if in.Value() == nil {
		if !optional {
			b.warn("%s was left out: the parameter that names it has no value", field)
		}
		return "", nil
	}
	text, isText := in.Value().(string)
	if !isText {
		return "", b.refuse(field, "its name is %s; it must be text", describe(in.Value()))
	}
	name, err := b.scope.Resolve(text)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(name) == "" {
		return "", b.refuse(field, "its name is empty")
	}
	return name, nil
}

// image says when and with what the image is pulled.
func (b *podBuilder) image() error {
	policies := map[string]gpuagentv1.PullPolicy{
		"":             gpuagentv1.PullPolicy_PULL_POLICY_UNSPECIFIED,
		"Always":       gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS,
		"IfNotPresent": gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT,
		"Never":        gpuagentv1.PullPolicy_PULL_POLICY_NEVER,
	}
	policy, known := policies[b.spec.ImagePullPolicy]
	if !known {
		return b.refuse("imagePullPolicy", "%q is none of Always, IfNotPresent and Never", b.spec.ImagePullPolicy)
	}
	b.pod.PullPolicy = policy
	for i, secret := range b.spec.ImagePullSecret {
		name, err := b.name(item("imagePullSecret", i), secret.SecretNameParameter, true)
		if err != nil {
			return err
		}
		if name != "" {
			b.pod.PullSecrets = append(b.pod.PullSecrets, name)
		}
	}
	return nil
}

func (b *podBuilder) securityContext() {
	asked := b.spec.SecurityContext
	if asked == nil {
		return
	}
	b.pod.SecurityContext = &gpuagentv1.SecurityContext{
		RunAsUser:    (*int64)(asked.RunAsUser),
		RunAsGroup:   (*int64)(asked.RunAsGroup),
		RunAsNonRoot: asked.RunAsNonRoot,
	}
}

func item(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
