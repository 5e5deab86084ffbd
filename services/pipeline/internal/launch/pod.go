package launch

import (
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// mostSeconds is the longest deadline, in seconds that a time.Duration holds.
const mostSeconds = ir.Int(math.MaxInt64 / time.Second)

// pod does for a process what the platform spec says of its pod. What a process
// cannot be given is refused: a step that runs without the secret or volume it
// was promised fails later and harder to understand, or writes elsewhere.
func (l *Launch) pod(req Request, pod ir.Pod) error {
	if what := unavailable(pod); what != "" {
		return fault.New(fault.Invalid, "its Kubernetes platform spec asks for %s, which a process of the host cannot be given", what)
	}
	for _, env := range pod.FieldPathAsEnv {
		value, err := req.podField(pod, env.FieldPath)
		if err != nil {
			return err
		}
		l.Env = append(l.Env, ir.EnvVar{Name: env.Name, Value: value})
	}
	l.Deadline = time.Duration(min(max(0, pod.ActiveDeadlineSeconds), mostSeconds)) * time.Second
	return nil
}

// unavailable names the first thing that a pod must have and a process has not.
func unavailable(pod ir.Pod) string {
	for _, need := range []struct {
		what    string
		sources []ir.PodSource
	}{
		{"a secret", pod.SecretAsEnv},
		{"a secret", pod.SecretAsVolume},
		{"a config map", pod.ConfigMapAsEnv},
		{"a config map", pod.ConfigMapAsVolume},
		{"a volume", pod.EmptyDirMounts},
		{"a volume", pod.GenericEphemeralVolume},
	} {
		for _, s := range need.sources {
			if !s.Optional && !onEveryHost(s.MountPath) {
				return at(need.what, s.MountPath)
			}
		}
	}
	for _, mount := range pod.PVCMount {
		path, _ := mount["mountPath"].(string)
		return at("a volume", path)
	}
	for _, c := range pod.InitContainers {
		return "the init container " + c.Name
	}
	return ""
}

// onEveryHost reports whether a volume's path is a scratch directory anyway.
func onEveryHost(path string) bool { return slices.Contains([]string{"/dev/shm", "/tmp"}, path) }

func at(what, path string) string {
	if path == "" {
		return what + " in its environment"
	}
	return what + " at " + path
}

// runLabel is the label by which KFP marks the pods of a run.
const runLabel = "pipeline/runid"

var entryPath = regexp.MustCompile(`^metadata\.(labels|annotations)\['(.*)'\]$`)

// podField is what a field of the task's pod would hold. As in Kubernetes, a
// label or annotation that is not there is empty.
func (req Request) podField(pod ir.Pod, fieldPath string) (string, error) {
	switch fieldPath {
	case "metadata.namespace":
		return req.Run.Namespace, nil
	case "metadata.uid":
		return req.Task.ID, nil
	}
	switch entry := entryPath.FindStringSubmatch(fieldPath); {
	case entry == nil:
		return "", fault.New(fault.Invalid, "the field %q of its pod has no counterpart in a process; "+
			"metadata.namespace, metadata.uid, metadata.labels['...'] and metadata.annotations['...'] have", fieldPath)
	case entry[1] == "annotations":
		return pod.PodMetadata.Annotations[entry[2]], nil
	case entry[2] == runLabel && pod.PodMetadata.Labels[runLabel] == "":
		return req.Run.ID, nil
	default:
		return pod.PodMetadata.Labels[entry[2]], nil
	}
}
