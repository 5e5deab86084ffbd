// Package ir is the compiled pipeline: the intermediate representation that the
// kfp SDK writes (PipelineSpec, schema version 2.1.0, and the Kubernetes
// platform spec as a second document).
//
// The types mirror the fields of kubeflow/pipelines'
// api/v2alpha1/pipeline_spec.proto under their JSON names. Parse reads them
// from YAML or JSON and Validate says, with the path of each field, everything
// that is wrong. The package does no I/O.
package ir

// Spec is a compiled pipeline.
type Spec struct {
	PipelineInfo        PipelineInfo         `json:"pipelineInfo"`
	DeploymentSpec      DeploymentSpec       `json:"deploymentSpec"`
	SchemaVersion       string               `json:"schemaVersion"`
	SDKVersion          string               `json:"sdkVersion"`
	Components          map[string]Component `json:"components"`
	Root                Component            `json:"root"`
	DefaultPipelineRoot string               `json:"defaultPipelineRoot"`
	// Platform is the second document's platforms.kubernetes, nil without one.
	Platform *Platform `json:"-"`
}

// PipelineInfo names a pipeline.
type PipelineInfo struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
}

// DeploymentSpec says how executors run.
type DeploymentSpec struct {
	Executors map[string]Executor `json:"executors"`
}

// Executor is a container or an importer; exactly one is set.
type Executor struct {
	Container *Container `json:"container"`
	Importer  *Importer  `json:"importer"`
}

// Container is a container executor. Strings may hold placeholders.
type Container struct {
	Image     string     `json:"image"`
	Command   []string   `json:"command"`
	Args      []string   `json:"args"`
	Env       []EnvVar   `json:"env"`
	Resources *Resources `json:"resources"`
}

// EnvVar is one environment variable.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Resources are what a container asks for. The float fields are the older
// spelling, CPU in cores and memory in GB; the strings, which may hold
// placeholders, win over them.
type Resources struct {
	CPULimit              float64      `json:"cpuLimit"`
	MemoryLimit           float64      `json:"memoryLimit"`
	CPURequest            float64      `json:"cpuRequest"`
	MemoryRequest         float64      `json:"memoryRequest"`
	ResourceCPULimit      string       `json:"resourceCpuLimit"`
	ResourceMemoryLimit   string       `json:"resourceMemoryLimit"`
	ResourceCPURequest    string       `json:"resourceCpuRequest"`
	ResourceMemoryRequest string       `json:"resourceMemoryRequest"`
	Accelerator           *Accelerator `json:"accelerator"`
}

// Accelerator asks for devices.
type Accelerator struct {
	Type          string `json:"type"`
	Count         Int    `json:"count"`
	ResourceType  string `json:"resourceType"`
	ResourceCount string `json:"resourceCount"`
}

// Importer makes an artifact from a URI.
type Importer struct {
	ArtifactURI struct {
		Constant         any    `json:"constant"`
		RuntimeParameter string `json:"runtimeParameter"`
	} `json:"artifactUri"`
	TypeSchema          TypeSchema     `json:"typeSchema"`
	Metadata            map[string]any `json:"metadata"`
	Reimport            bool           `json:"reimport"`
	DownloadToWorkspace bool           `json:"downloadToWorkspace"`
}

// Component is a DAG or names an executor; exactly one is set.
type Component struct {
	InputDefinitions  Definitions `json:"inputDefinitions"`
	OutputDefinitions Definitions `json:"outputDefinitions"`
	DAG               *DAG        `json:"dag"`
	ExecutorLabel     string      `json:"executorLabel"`
	// TaskConfigPassthroughs are the parts of a task's configuration that its
	// input of type TASK_CONFIG tells.
	TaskConfigPassthroughs []TaskConfigPassthrough `json:"taskConfigPassthroughs"`
}

// TaskConfigPassthrough is a part of a task's configuration that the task is
// told of.
type TaskConfigPassthrough struct {
	Field string `json:"field"` // such as RESOURCES or ENV
	// ApplyToTask says that the part applies to the task as well.
	ApplyToTask bool `json:"applyToTask"`
}

// Definitions are the inputs or outputs of a component.
type Definitions struct {
	Parameters map[string]ParameterDef `json:"parameters"`
	Artifacts  map[string]ArtifactDef  `json:"artifacts"`
}

// ParameterDef is a parameter of a component.
type ParameterDef struct {
	ParameterType ParameterType `json:"parameterType"`
	DefaultValue  any           `json:"defaultValue"`
	// HasDefault tells an absent default from a null one.
	HasDefault  bool   `json:"-"`
	IsOptional  bool   `json:"isOptional"`
	Description string `json:"description"`
	Literals    []any  `json:"literals"`
}

// ParameterType is the type of a parameter.
type ParameterType string

// The parameter types.
const (
	NumberDouble    ParameterType = "NUMBER_DOUBLE"
	NumberInteger   ParameterType = "NUMBER_INTEGER"
	String          ParameterType = "STRING"
	Boolean         ParameterType = "BOOLEAN"
	List            ParameterType = "LIST"
	Struct          ParameterType = "STRUCT"
	TaskFinalStatus ParameterType = "TASK_FINAL_STATUS"
	TaskConfig      ParameterType = "TASK_CONFIG"
)

// ArtifactDef is an artifact of a component.
type ArtifactDef struct {
	ArtifactType   TypeSchema     `json:"artifactType"`
	IsArtifactList bool           `json:"isArtifactList"`
	IsOptional     bool           `json:"isOptional"`
	Description    string         `json:"description"`
	Metadata       map[string]any `json:"metadata"`
}

// TypeSchema is the type of an artifact.
type TypeSchema struct {
	SchemaTitle    string `json:"schemaTitle"`
	SchemaURI      string `json:"schemaUri"`
	InstanceSchema string `json:"instanceSchema"`
	SchemaVersion  string `json:"schemaVersion"`
}

// DAG is a graph of tasks.
type DAG struct {
	Tasks   map[string]Task `json:"tasks"`
	Outputs DAGOutputs      `json:"outputs"`
}

// DAGOutputs says where the outputs of a DAG come from.
type DAGOutputs struct {
	Artifacts  map[string]DAGArtifactOutput  `json:"artifacts"`
	Parameters map[string]DAGParameterOutput `json:"parameters"`
}

// DAGArtifactOutput selects artifacts of tasks: one selector is that artifact,
// several are the first whose task completed.
type DAGArtifactOutput struct {
	ArtifactSelectors []OutputSelector `json:"artifactSelectors"`
}

// OutputSelector names an output of a task of the DAG.
type OutputSelector struct {
	ProducerSubtask    string `json:"producerSubtask"`
	OutputArtifactKey  string `json:"outputArtifactKey"`
	OutputParameterKey string `json:"outputParameterKey"`
}

// DAGParameterOutput selects a parameter of a task, or the first of several
// whose task completed.
type DAGParameterOutput struct {
	ValueFromParameter *OutputSelector `json:"valueFromParameter"`
	ValueFromOneof     *struct {
		ParameterSelectors []OutputSelector `json:"parameterSelectors"`
	} `json:"valueFromOneof"`
}

// Task is a node of a DAG.
type Task struct {
	TaskInfo struct {
		Name     string `json:"name"`
		TaskName string `json:"taskName"`
	} `json:"taskInfo"`
	Inputs         TaskInputs `json:"inputs"`
	DependentTasks []string   `json:"dependentTasks"`
	CachingOptions struct {
		EnableCache bool   `json:"enableCache"`
		CacheKey    string `json:"cacheKey"`
	} `json:"cachingOptions"`
	ComponentRef struct {
		Name string `json:"name"`
	} `json:"componentRef"`
	TriggerPolicy     *TriggerPolicy     `json:"triggerPolicy"`
	ArtifactIterator  *ArtifactIterator  `json:"artifactIterator"`
	ParameterIterator *ParameterIterator `json:"parameterIterator"`
	RetryPolicy       *RetryPolicy       `json:"retryPolicy"`
	IteratorPolicy    *struct {
		ParallelismLimit Int `json:"parallelismLimit"`
	} `json:"iteratorPolicy"`
}

// TriggerPolicy says when a task may start.
type TriggerPolicy struct {
	// Condition is a CEL expression over the task's inputs; empty means true.
	Condition string `json:"condition"`
	// Strategy is empty, ALL_UPSTREAM_TASKS_SUCCEEDED or ALL_UPSTREAM_TASKS_COMPLETED.
	Strategy string `json:"strategy"`
}

// AllUpstreamCompleted is the strategy of exit tasks.
const AllUpstreamCompleted = "ALL_UPSTREAM_TASKS_COMPLETED"

// ParameterIterator runs a task once for each item of a list.
type ParameterIterator struct {
	Items struct {
		Raw            string `json:"raw"` // JSON list
		InputParameter string `json:"inputParameter"`
	} `json:"items"`
	ItemInput string `json:"itemInput"`
}

// ArtifactIterator runs a task once for each artifact of a list.
type ArtifactIterator struct {
	Items struct {
		InputArtifact string `json:"inputArtifact"`
	} `json:"items"`
	ItemInput string `json:"itemInput"`
}

// RetryPolicy says how often and after what wait a failed task runs again.
// Durations are protobuf JSON ("3600s").
type RetryPolicy struct {
	MaxRetryCount      Int      `json:"maxRetryCount"`
	BackoffDuration    Duration `json:"backoffDuration"`
	BackoffFactor      float64  `json:"backoffFactor"`
	BackoffMaxDuration Duration `json:"backoffMaxDuration"`
}

// TaskInputs says where a task's inputs come from.
type TaskInputs struct {
	Parameters map[string]ParameterInput `json:"parameters"`
	Artifacts  map[string]ArtifactInput  `json:"artifacts"`
}

// ParameterInput is the source of one parameter; exactly one is set.
type ParameterInput struct {
	TaskOutputParameter     *TaskOutputParameter `json:"taskOutputParameter"`
	RuntimeValue            *RuntimeValue        `json:"runtimeValue"`
	ComponentInputParameter string               `json:"componentInputParameter"`
	TaskFinalStatus         *struct {
		ProducerTask string `json:"producerTask"`
	} `json:"taskFinalStatus"`
	// ParameterExpressionSelector picks a part of the value:
	// parseJson(string_value)["key"].
	ParameterExpressionSelector string `json:"parameterExpressionSelector"`
}

// TaskOutputParameter names an output parameter of a task of the same DAG.
type TaskOutputParameter struct {
	ProducerTask       string `json:"producerTask"`
	OutputParameterKey string `json:"outputParameterKey"`
}

// RuntimeValue is a value that is written into the pipeline.
type RuntimeValue struct {
	Constant         any    `json:"constant"`
	RuntimeParameter string `json:"runtimeParameter"`
}

// ArtifactInput is the source of one artifact; exactly one is set.
type ArtifactInput struct {
	TaskOutputArtifact *struct {
		ProducerTask      string `json:"producerTask"`
		OutputArtifactKey string `json:"outputArtifactKey"`
	} `json:"taskOutputArtifact"`
	ComponentInputArtifact string `json:"componentInputArtifact"`
}
