// Package pod reads the pod templates of job manifests and makes templates of
// workloads of them.
//
// Of a pod one container counts, the one with the kind's name; others run before or beside
// it. What a template asks
// for and nobody can honour here is a warning, not an error: the same manifest is to
// run where it can be honoured, too. References that workloads know (${...}) are
// escaped in what the user wrote.
//
// The package is pure.
package pod

import (
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
)

// Template is a pod template.
type Template struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata is what a template says of the pods made of it.
type Metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	CreationTimestamp any               `json:"creationTimestamp"`
	Finalizers        []string          `json:"finalizers" honoured:"no"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
}

// Spec is a pod's specification.
type Spec struct {
	Containers         []Container       `json:"containers" unique:"name"`
	Volumes            []Volume          `json:"volumes" unique:"name"`
	RestartPolicy      string            `json:"restartPolicy"`
	GracePeriod        *int64            `json:"terminationGracePeriodSeconds"`
	NodeSelector       map[string]string `json:"nodeSelector"`
	ImagePullSecrets   []Reference       `json:"imagePullSecrets" unique:"name"`
	SecurityContext    *SecurityContext  `json:"securityContext"`
	PriorityClassName  string            `json:"priorityClassName"`
	Tolerations        []Toleration      `json:"tolerations"`
	ServiceAccountName string            `json:"serviceAccountName"`
	ServiceAccount     string            `json:"serviceAccount"`
	SchedulerName      string            `json:"schedulerName"`
	DNSPolicy          string            `json:"dnsPolicy"`
	EnableServiceLinks *bool             `json:"enableServiceLinks"`
	AutomountToken     *bool             `json:"automountServiceAccountToken"`
	HostNetwork        bool              `json:"hostNetwork"`
	HostIPC            bool              `json:"hostIPC"`
	HostPID            bool              `json:"hostPID"`
	InitContainers     []Container       `json:"initContainers" unique:"name"`
	HostAliases        []HostAlias       `json:"hostAliases" unique:"ip"`

	Ephemeral         []Container              `json:"ephemeralContainers" honoured:"no" unique:"name"`
	Affinity          *Affinity                `json:"affinity" honoured:"no"`
	Spread            []Spread                 `json:"topologySpreadConstraints" honoured:"no" unique:"topologyKey,whenUnsatisfiable"`
	NodeName          string                   `json:"nodeName" honoured:"no"`
	Hostname          string                   `json:"hostname" honoured:"no"`
	HostnameOverride  string                   `json:"hostnameOverride" honoured:"no"`
	Subdomain         string                   `json:"subdomain" honoured:"no"`
	DNSConfig         *DNSConfig               `json:"dnsConfig" honoured:"no"`
	RuntimeClassName  string                   `json:"runtimeClassName" honoured:"no"`
	ShareProcess      bool                     `json:"shareProcessNamespace" honoured:"no"`
	ActiveDeadline    *int64                   `json:"activeDeadlineSeconds" honoured:"no"`
	Priority          *int32                   `json:"priority" honoured:"no"`
	PreemptionPolicy  string                   `json:"preemptionPolicy" honoured:"no"`
	Overhead          map[string]decode.Scalar `json:"overhead" honoured:"no"`
	Resources         *Resources               `json:"resources" honoured:"no"` // of the pod as a whole
	ReadinessGates    []Gate                   `json:"readinessGates" honoured:"no"`
	SchedulingGates   []Named                  `json:"schedulingGates" honoured:"no" unique:"name"`
	SchedulingGroup   *SchedulingGroup         `json:"schedulingGroup" honoured:"no"`
	ResourceClaims    []ResourceClaim          `json:"resourceClaims" honoured:"no" unique:"name"`
	SetHostnameAsFQDN bool                     `json:"setHostnameAsFQDN" honoured:"no"`
	OS                *Named                   `json:"os" honoured:"no"`
	HostUsers         *bool                    `json:"hostUsers" honoured:"no"`
	Responders        []any                    `json:"evictionResponders" honoured:"no"`
}

// Toleration lets a pod run on nodes with a taint.
type Toleration struct {
	Key      string `json:"key"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
	Effect   string `json:"effect"`
	Seconds  *int64 `json:"tolerationSeconds"` // of NoExecute, which is no taint here
}

// Container is one container of a pod.
type Container struct {
	Name            string           `json:"name" needed:"yes"`
	Image           string           `json:"image"`
	Command         []string         `json:"command"`
	Args            []string         `json:"args"`
	WorkingDir      string           `json:"workingDir"`
	Ports           []Port           `json:"ports"`
	Env             []EnvVar         `json:"env" unique:"name"`
	Resources       Resources        `json:"resources"`
	VolumeMounts    []VolumeMount    `json:"volumeMounts" unique:"mountPath"`
	ImagePullPolicy string           `json:"imagePullPolicy"`
	SecurityContext *SecurityContext `json:"securityContext"`

	Stdin                    bool   `json:"stdin"`
	StdinOnce                bool   `json:"stdinOnce"`
	TTY                      bool   `json:"tty"`
	TerminationMessagePath   string `json:"terminationMessagePath"`
	TerminationMessagePolicy string `json:"terminationMessagePolicy"`

	EnvFrom        []EnvFrom  `json:"envFrom"`
	LivenessProbe  *Probe     `json:"livenessProbe"`
	ReadinessProbe *Probe     `json:"readinessProbe"`
	StartupProbe   *Probe     `json:"startupProbe"`
	Lifecycle      *Lifecycle `json:"lifecycle"`
	RestartPolicy  string     `json:"restartPolicy"`                     // of an init container
	Target         string     `json:"targetContainerName" honoured:"no"` // of an ephemeral container

	VolumeDevices []VolumeDevice `json:"volumeDevices" honoured:"no" unique:"devicePath"`
	ResizePolicy  []ResizePolicy `json:"resizePolicy" honoured:"no"`
	RestartRules  []RestartRule  `json:"restartPolicyRules" honoured:"no"`
}

// Port is a port that a container listens on.
type Port struct {
	Name          string `json:"name"`
	ContainerPort int32  `json:"containerPort" needed:"yes"`
	Protocol      string `json:"protocol"`
	HostPort      *int32 `json:"hostPort"`
	HostIP        string `json:"hostIP"`
}

// HostAlias is an address with names.
type HostAlias struct {
	IP        string   `json:"ip" needed:"yes"`
	Hostnames []string `json:"hostnames"`
}

// EnvFrom is a secret or config map all of whose keys are variables.
type EnvFrom struct {
	Prefix    string       `json:"prefix"`
	Secret    *OptionalRef `json:"secretRef"`
	ConfigMap *OptionalRef `json:"configMapRef"`
}

// OptionalRef names something of the namespace that need not be there.
type OptionalRef struct {
	Name     string `json:"name"`
	Optional bool   `json:"optional"`
}

// EnvVar is one environment variable.
type EnvVar struct {
	Name      string     `json:"name" needed:"yes"`
	Value     string     `json:"value"`
	ValueFrom *EnvSource `json:"valueFrom"`
}

// EnvSource is where a variable's value comes from.
type EnvSource struct {
	Field     *FieldRef         `json:"fieldRef"`
	Resource  *ResourceFieldRef `json:"resourceFieldRef"`
	Secret    *KeyRef           `json:"secretKeyRef"`
	ConfigMap *KeyRef           `json:"configMapKeyRef"`
	File      *FileRef          `json:"fileKeyRef"`
}

// FileRef names a key of a file of variables in a volume.
type FileRef struct {
	Volume   string `json:"volumeName" needed:"yes"`
	Path     string `json:"path" needed:"yes"`
	Key      string `json:"key" needed:"yes"`
	Optional bool   `json:"optional"`
}

// FieldRef names a field of the pod.
type FieldRef struct {
	APIVersion string `json:"apiVersion"`
	FieldPath  string `json:"fieldPath" needed:"yes"`
}

// ResourceFieldRef names an amount that the container asks for.
type ResourceFieldRef struct {
	ContainerName string        `json:"containerName"`
	Resource      string        `json:"resource" needed:"yes"`
	Divisor       decode.Scalar `json:"divisor"`
}

// KeyRef names a key of a secret or config map.
type KeyRef struct {
	Name     string `json:"name"`
	Key      string `json:"key" needed:"yes"`
	Optional bool   `json:"optional"`
}

// Reference names something of the namespace.
type Reference struct {
	Name string `json:"name"`
}

// Resources are what a container asks for.
type Resources struct {
	Requests map[string]decode.Scalar `json:"requests"`
	Limits   map[string]decode.Scalar `json:"limits"`
	Claims   []ClaimRef               `json:"claims" honoured:"no" unique:"name"`
}

// SecurityContext says who a container runs as.
type SecurityContext struct {
	RunAsUser    *int64 `json:"runAsUser"`
	RunAsGroup   *int64 `json:"runAsGroup"`
	RunAsNonRoot bool   `json:"runAsNonRoot"`

	FSGroup             *int64         `json:"fsGroup" honoured:"no"`
	FSGroupChangePolicy string         `json:"fsGroupChangePolicy" honoured:"no"`
	SupplementalGroups  []int64        `json:"supplementalGroups" honoured:"no"`
	GroupsPolicy        string         `json:"supplementalGroupsPolicy" honoured:"no"`
	Sysctls             []NameValue    `json:"sysctls" honoured:"no"`
	SELinux             *SELinux       `json:"seLinuxOptions" honoured:"no"`
	SELinuxChangePolicy string         `json:"seLinuxChangePolicy" honoured:"no"`
	Seccomp             *Profile       `json:"seccompProfile" honoured:"no"`
	AppArmor            *Profile       `json:"appArmorProfile" honoured:"no"`
	Windows             map[string]any `json:"windowsOptions" honoured:"no"`
	Capabilities        *Capabilities  `json:"capabilities" honoured:"no"`
	Privileged          bool           `json:"privileged" honoured:"no"`
	PrivilegeEscalation *bool          `json:"allowPrivilegeEscalation"`
	ReadOnlyRoot        bool           `json:"readOnlyRootFilesystem" honoured:"no"`
	ProcMount           string         `json:"procMount" honoured:"no"`
}

// Volume is a source of files.
type Volume struct {
	Name      string     `json:"name" needed:"yes"`
	Secret    *KeyVolume `json:"secret"`
	ConfigMap *KeyVolume `json:"configMap"`
	Claim     *Claim     `json:"persistentVolumeClaim"`
	EmptyDir  *EmptyDir  `json:"emptyDir"`
	HostPath  *HostPath  `json:"hostPath"`
	Others
}

// KeyVolume is a secret or config map as files.
type KeyVolume struct {
	Name        string    `json:"name"`
	SecretName  string    `json:"secretName"`
	Items       []KeyPath `json:"items"`
	Optional    bool      `json:"optional"`
	DefaultMode *int32    `json:"defaultMode" honoured:"no"`
	DefaultUser *int64    `json:"defaultUser" honoured:"no"`
}

// KeyPath is the file of a key.
type KeyPath struct {
	Key  string `json:"key" needed:"yes"`
	Path string `json:"path" needed:"yes"`
	Mode *int32 `json:"mode" honoured:"no"`
	User *int64 `json:"user" honoured:"no"`
}

// Mounts reports whether a container of the pod mounts a volume.
func (s *Spec) Mounts(volume string) bool {
	return slices.ContainsFunc(slices.Concat(s.InitContainers, s.Containers), func(c Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m VolumeMount) bool { return m.Name == volume })
	})
}

// Claim names a persistent volume.
type Claim struct {
	ClaimName string `json:"claimName" needed:"yes"`
	ReadOnly  bool   `json:"readOnly"`
}

// EmptyDir is a directory that is empty at first.
type EmptyDir struct {
	Medium    string        `json:"medium"`
	Mode      *int32        `json:"mode" honoured:"no"`
	SizeLimit decode.Scalar `json:"sizeLimit"`
}

// HostPath is a path of the node.
type HostPath struct {
	Path string `json:"path" needed:"yes"`
	Type string `json:"type"`
}

// VolumeMount is a volume at a path.
type VolumeMount struct {
	Name             string   `json:"name" needed:"yes"`
	MountPath        string   `json:"mountPath" needed:"yes"`
	SubPath          string   `json:"subPath"`
	ReadOnly         bool     `json:"readOnly"`
	SubPathExpr      string   `json:"subPathExpr" honoured:"no"`
	MountPropagation string   `json:"mountPropagation" honoured:"no"`
	RecursiveRO      string   `json:"recursiveReadOnly" honoured:"no"`
	BindOptions      []string `json:"bindMountOptions" honoured:"no"`
}
