package ir

// Platform is the Kubernetes platform spec, as far as it means something to a
// process. The rest of it, such as tolerations and affinities, says where and as
// whom a pod runs, and is passed over.
type Platform struct {
	DeploymentSpec struct {
		Executors map[string]Pod `json:"executors"`
	} `json:"deploymentSpec"`
	PipelineConfig map[string]any `json:"pipelineConfig"`
}

// Pod is what the platform spec says of the pod of an executor.
type Pod struct {
	PodMetadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"podMetadata"`
	FieldPathAsEnv []struct {
		Name      string `json:"name"`
		FieldPath string `json:"fieldPath"`
	} `json:"fieldPathAsEnv"`
	ActiveDeadlineSeconds  Int              `json:"activeDeadlineSeconds"` // 0 for none
	SecretAsEnv            []PodSource      `json:"secretAsEnv"`
	SecretAsVolume         []PodSource      `json:"secretAsVolume"`
	ConfigMapAsEnv         []PodSource      `json:"configMapAsEnv"`
	ConfigMapAsVolume      []PodSource      `json:"configMapAsVolume"`
	PVCMount               []map[string]any `json:"pvcMount"`
	EmptyDirMounts         []PodSource      `json:"emptyDirMounts"`
	GenericEphemeralVolume []PodSource      `json:"genericEphemeralVolume"`
	InitContainers         []struct {
		Name string `json:"name"`
	} `json:"initContainers"`
}

// PodSource is a secret, config map or volume that a pod is given.
type PodSource struct {
	MountPath string `json:"mountPath"` // empty where it is given as variables
	Optional  bool   `json:"optional"`  // whether the pod starts without it
}

// WantsWorkspace reports whether the steps of a run are to share a directory.
func (s *Spec) WantsWorkspace() bool {
	return s.Platform != nil && s.Platform.PipelineConfig["workspace"] != nil
}

// Pod returns what the platform spec says of the pod of an executor, by its label.
func (s *Spec) Pod(executorLabel string) Pod {
	if s.Platform == nil {
		return Pod{}
	}
	return s.Platform.DeploymentSpec.Executors[executorLabel]
}
