package ir

// Pod is what the platform spec says of the pod of an executor. It mirrors
// KubernetesExecutorConfig of kubeflow/pipelines'
// kubernetes_executor_config.proto.
//
// A name or other value may come from a parameter, as an input of the task does:
// those are the fields of type *ParameterInput, and Bind replaces them by what
// they stand for.
type Pod struct {
	PodMetadata            PodMetadata         `json:"podMetadata"`
	FieldPathAsEnv         []PodField          `json:"fieldPathAsEnv"`
	ActiveDeadlineSeconds  Int                 `json:"activeDeadlineSeconds"` // 0 for none
	SecretAsEnv            []PodSecret         `json:"secretAsEnv"`
	SecretAsVolume         []PodSecret         `json:"secretAsVolume"`
	ConfigMapAsEnv         []PodConfigMap      `json:"configMapAsEnv"`
	ConfigMapAsVolume      []PodConfigMap      `json:"configMapAsVolume"`
	PVCMount               []PodClaim          `json:"pvcMount"`
	EmptyDirMounts         []PodEmptyDir       `json:"emptyDirMounts"`
	GenericEphemeralVolume []PodEphemeral      `json:"genericEphemeralVolume"`
	EnabledSharedMemory    *PodSharedMemory    `json:"enabledSharedMemory"`
	NodeSelector           PodNodeSelector     `json:"nodeSelector"`
	ImagePullPolicy        string              `json:"imagePullPolicy"`
	ImagePullSecret        []PodSecret         `json:"imagePullSecret"`
	SecurityContext        *PodSecurityContext `json:"securityContext"`
	InitContainers         []PodInitContainer  `json:"initContainers"`
	Tolerations            []PodToleration     `json:"tolerations"`
	NodeAffinity           []PodNodeAffinity   `json:"nodeAffinity"`
	PodAffinity            []any               `json:"podAffinity"`
	PodResourceClaims      []any               `json:"podResourceClaims"`
	// Unknown are the fields that this package does not know, sorted.
	Unknown []string `json:"-"`
}

// PodMetadata are labels and annotations of a pod.
type PodMetadata struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// PodField is a field of the pod as an environment variable.
type PodField struct {
	Name      string `json:"name"`
	FieldPath string `json:"fieldPath"`
}

// PodSecret is a secret: its keys as variables, its keys as files, or what
// opens a registry.
type PodSecret struct {
	SecretName          string          `json:"secretName"` // older than the parameter
	SecretNameParameter *ParameterInput `json:"secretNameParameter"`
	KeyToEnv            []struct {
		SecretKey string `json:"secretKey"`
		EnvVar    string `json:"envVar"`
	} `json:"keyToEnv"`
	MountPath string `json:"mountPath"`
	Optional  bool   `json:"optional"` // whether the pod starts without it
}

// PodConfigMap is a config map: its keys as variables or as files.
type PodConfigMap struct {
	ConfigMapName          string          `json:"configMapName"` // older than the parameter
	ConfigMapNameParameter *ParameterInput `json:"configMapNameParameter"`
	KeyToEnv               []struct {
		ConfigMapKey string `json:"configMapKey"`
		EnvVar       string `json:"envVar"`
	} `json:"keyToEnv"`
	MountPath string `json:"mountPath"`
	Optional  bool   `json:"optional"` // whether the pod starts without it
}

// PodClaim is a persistent volume at a path. The fields beside PVCNameParameter
// that name it are older.
type PodClaim struct {
	PVCNameParameter        *ParameterInput      `json:"pvcNameParameter"`
	Constant                string               `json:"constant"`
	ComponentInputParameter string               `json:"componentInputParameter"`
	TaskOutputParameter     *TaskOutputParameter `json:"taskOutputParameter"`
	MountPath               string               `json:"mountPath"`
	SubPath                 string               `json:"subPath"`
}

// PodEmptyDir is a directory that goes with the pod.
type PodEmptyDir struct {
	VolumeName string `json:"volumeName"`
	MountPath  string `json:"mountPath"`
	Medium     string `json:"medium"` // empty, Memory or HugePages
	SizeLimit  string `json:"sizeLimit"`
}

// PodEphemeral is a volume that goes with the pod.
type PodEphemeral struct {
	VolumeName       string      `json:"volumeName"`
	MountPath        string      `json:"mountPath"`
	Size             string      `json:"size"`
	StorageClassName string      `json:"storageClassName"`
	Metadata         PodMetadata `json:"metadata"`
}

// PodSharedMemory is a larger /dev/shm.
type PodSharedMemory struct {
	VolumeName string `json:"volumeName"`
	Size       string `json:"size"`
}

// PodNodeSelector is the labels its node must have; the JSON wins.
type PodNodeSelector struct {
	Labels           map[string]string `json:"labels"`
	NodeSelectorJSON *ParameterInput   `json:"nodeSelectorJson"`
}

// PodSecurityContext says who the step runs as.
type PodSecurityContext struct {
	RunAsUser    *Int `json:"runAsUser"`
	RunAsGroup   *Int `json:"runAsGroup"`
	RunAsNonRoot bool `json:"runAsNonRoot"`
}

// PodInitContainer is a container that runs before the step.
type PodInitContainer struct {
	Name string `json:"name"`
}

// PodToleration says which taints of a node the pod tolerates.
type PodToleration struct {
	Key               string          `json:"key"`
	Operator          string          `json:"operator"`
	Value             string          `json:"value"`
	Effect            string          `json:"effect"`
	TolerationSeconds *Int            `json:"tolerationSeconds"`
	TolerationJSON    *ParameterInput `json:"tolerationJson"`
}

// PodNodeAffinity is which nodes the pod needs, or with a weight prefers.
type PodNodeAffinity struct {
	MatchExpressions []any           `json:"matchExpressions"`
	MatchFields      []any           `json:"matchFields"`
	Weight           *Int            `json:"weight"`
	NodeAffinityJSON *ParameterInput `json:"nodeAffinityJson"`
}
