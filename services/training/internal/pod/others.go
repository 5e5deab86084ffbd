package pod

// What follows has no effect here. It is read so that what is of a wrong type, or lacks
// what must be there, is found all the same.

// Others are the sources of volumes that cannot be mounted here.
type Others struct {
	Downward  *Downward  `json:"downwardAPI"`
	Projected *Projected `json:"projected"`
	NFS       *struct {
		Server   string `json:"server" needed:"yes"`
		Path     string `json:"path" needed:"yes"`
		ReadOnly bool   `json:"readOnly"`
	} `json:"nfs"`
	CSI *struct {
		Driver     string            `json:"driver" needed:"yes"`
		ReadOnly   *bool             `json:"readOnly"`
		FSType     *string           `json:"fsType"`
		Attributes map[string]string `json:"volumeAttributes"`
		Secret     *Reference        `json:"nodePublishSecretRef"`
	} `json:"csi"`
	Ephemeral *struct {
		Template map[string]any `json:"volumeClaimTemplate"`
	} `json:"ephemeral"`
	Image *struct {
		Reference  string `json:"reference"`
		PullPolicy string `json:"pullPolicy"`
	} `json:"image"`

	GCE       map[string]any `json:"gcePersistentDisk"`
	AWS       map[string]any `json:"awsElasticBlockStore"`
	Git       map[string]any `json:"gitRepo"`
	ISCSI     map[string]any `json:"iscsi"`
	Gluster   map[string]any `json:"glusterfs"`
	RBD       map[string]any `json:"rbd"`
	Flex      map[string]any `json:"flexVolume"`
	Cinder    map[string]any `json:"cinder"`
	Ceph      map[string]any `json:"cephfs"`
	Flocker   map[string]any `json:"flocker"`
	FC        map[string]any `json:"fc"`
	AzureFile map[string]any `json:"azureFile"`
	VSphere   map[string]any `json:"vsphereVolume"`
	Quobyte   map[string]any `json:"quobyte"`
	AzureDisk map[string]any `json:"azureDisk"`
	Photon    map[string]any `json:"photonPersistentDisk"`
	Portworx  map[string]any `json:"portworxVolume"`
	ScaleIO   map[string]any `json:"scaleIO"`
	StorageOS map[string]any `json:"storageos"`
}

// Downward is the downward API as files.
type Downward struct {
	Items       []DownwardItem `json:"items"`
	DefaultMode *int32         `json:"defaultMode"`
	DefaultUser *int64         `json:"defaultUser"`
}

// DownwardItem is one of its files.
type DownwardItem struct {
	Path     string            `json:"path" needed:"yes"`
	Field    *FieldRef         `json:"fieldRef"`
	Resource *ResourceFieldRef `json:"resourceFieldRef"`
	Mode     *int32            `json:"mode"`
	User     *int64            `json:"user"`
}

// Projected are several sources in one volume.
type Projected struct {
	DefaultMode *int32 `json:"defaultMode"`
	DefaultUser *int64 `json:"defaultUser"`
	Sources     []struct {
		Secret    *KeyVolume     `json:"secret"`
		ConfigMap *KeyVolume     `json:"configMap"`
		Downward  *Downward      `json:"downwardAPI"`
		Token     map[string]any `json:"serviceAccountToken"`
		Bundle    map[string]any `json:"clusterTrustBundle"`
		Pod       map[string]any `json:"podCertificate"`
	} `json:"sources"`
}

// Affinity is where pods would rather be.
type Affinity struct {
	Node *struct {
		Required *struct {
			Terms []NodeTerm `json:"nodeSelectorTerms" needed:"yes"`
		} `json:"requiredDuringSchedulingIgnoredDuringExecution"`
		Preferred []struct {
			Weight int32    `json:"weight" needed:"yes"`
			Term   NodeTerm `json:"preference" needed:"yes"`
		} `json:"preferredDuringSchedulingIgnoredDuringExecution"`
	} `json:"nodeAffinity"`
	Pod     *PodAffinity `json:"podAffinity"`
	AntiPod *PodAffinity `json:"podAntiAffinity"`
}

// NodeTerm selects nodes.
type NodeTerm struct {
	Expressions []Requirement `json:"matchExpressions"`
	Fields      []Requirement `json:"matchFields"`
}

// Requirement is of a label.
type Requirement struct {
	Key      string   `json:"key" needed:"yes"`
	Operator string   `json:"operator" needed:"yes"`
	Values   []string `json:"values"`
}

// Selector selects by labels.
type Selector struct {
	Labels      map[string]string `json:"matchLabels"`
	Expressions []Requirement     `json:"matchExpressions"`
}

// PodAffinity is which pods a pod would rather be with, or without.
type PodAffinity struct {
	Required  []PodTerm `json:"requiredDuringSchedulingIgnoredDuringExecution"`
	Preferred []struct {
		Weight int32   `json:"weight" needed:"yes"`
		Term   PodTerm `json:"podAffinityTerm" needed:"yes"`
	} `json:"preferredDuringSchedulingIgnoredDuringExecution"`
}

// PodTerm selects pods of a part of a cluster.
type PodTerm struct {
	Selector          *Selector `json:"labelSelector"`
	NamespaceSelector *Selector `json:"namespaceSelector"`
	Namespaces        []string  `json:"namespaces"`
	TopologyKey       string    `json:"topologyKey" needed:"yes"`
	MatchKeys         []string  `json:"matchLabelKeys"`
	MismatchKeys      []string  `json:"mismatchLabelKeys"`
}

// Spread spreads pods over parts of a cluster.
type Spread struct {
	MaxSkew           int32     `json:"maxSkew" needed:"yes"`
	TopologyKey       string    `json:"topologyKey" needed:"yes"`
	WhenUnsatisfiable string    `json:"whenUnsatisfiable" needed:"yes"`
	Selector          *Selector `json:"labelSelector"`
	MinDomains        *int32    `json:"minDomains"`
	NodeAffinity      string    `json:"nodeAffinityPolicy"`
	NodeTaints        string    `json:"nodeTaintsPolicy"`
	MatchKeys         []string  `json:"matchLabelKeys"`
}

// DNSConfig is how a pod finds names.
type DNSConfig struct {
	Nameservers []string `json:"nameservers"`
	Searches    []string `json:"searches"`
	Options     []struct {
		Name  string  `json:"name"`
		Value *string `json:"value"`
	} `json:"options"`
}

// Gate is a condition that a pod must have to be ready.
type Gate struct {
	Condition string `json:"conditionType" needed:"yes"`
}

// Named is something of which only the name is said.
type Named struct {
	Name string `json:"name" needed:"yes"`
}

// NameValue is a setting.
type NameValue struct {
	Name  string `json:"name" needed:"yes"`
	Value string `json:"value" needed:"yes"`
}

// SchedulingGroup is a group that pods are scheduled with.
type SchedulingGroup struct {
	Name string `json:"podGroupName"`
}

// ResourceClaim is a device that a pod claims.
type ResourceClaim struct {
	Name     string  `json:"name" needed:"yes"`
	Claim    *string `json:"resourceClaimName"`
	Template *string `json:"resourceClaimTemplateName"`
}

// ClaimRef is a claim of the pod that a container uses.
type ClaimRef struct {
	Name    string `json:"name" needed:"yes"`
	Request string `json:"request"`
}

// VolumeDevice is a block device at a path.
type VolumeDevice struct {
	Name string `json:"name" needed:"yes"`
	Path string `json:"devicePath" needed:"yes"`
}

// ResizePolicy says whether a container is started again when it gets more of something.
type ResizePolicy struct {
	Resource string `json:"resourceName" needed:"yes"`
	Policy   string `json:"restartPolicy" needed:"yes"`
}

// RestartRule says which exits a container is started again after.
type RestartRule struct {
	Action string `json:"action" needed:"yes"`
	Codes  *struct {
		Operator string  `json:"operator" needed:"yes"`
		Values   []int32 `json:"values"`
	} `json:"exitCodes"`
}

// SELinux is a context of SELinux.
type SELinux struct {
	User  string `json:"user"`
	Role  string `json:"role"`
	Type  string `json:"type"`
	Level string `json:"level"`
}

// Profile is one of seccomp or AppArmor.
type Profile struct {
	Type      string  `json:"type" needed:"yes"`
	Localhost *string `json:"localhostProfile"`
}

// Capabilities are those that a container has more or less.
type Capabilities struct {
	Add  []string `json:"add"`
	Drop []string `json:"drop"`
}

// GRPC is a question for the health of a gRPC server.
type GRPC struct {
	Port    int32   `json:"port" needed:"yes"`
	Service *string `json:"service"`
	Mode    string  `json:"mode"`
}
