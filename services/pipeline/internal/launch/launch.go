// Package launch turns a task that is ready to run into what an executor needs,
// and what the executor left behind into the task's outputs.
//
// Build makes the command, environment and ExecutorInput of a container task;
// ReadOutputs reads executor_output.json and the output parameter files; Import
// makes the artifact of an importer; CacheKey names what a task would compute.
// All of it is pure: paths are only computed, files are moved by others.
package launch

import (
	"time"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Request is a task that is ready to run.
type Request struct {
	Spec      *ir.Spec
	Component string    // key in Spec.Components; it must name an executor
	Run       Run       //
	Task      Task      //
	Inputs    ir.Values // as the DAG resolved them, without leaf defaults
	Layout    Layout
}

// Run is what a task knows of its run.
type Run struct {
	ID           string
	Name         string // display name
	PipelineName string
	Namespace    string
	PipelineRoot string // URI
	Workspace    string // path; empty when the run has none
	Created      time.Time
	Scheduled    time.Time // zero when nobody scheduled it
}

// ResourceName is the run's {{$.pipeline_job_resource_name}}, which starts with
// the name of the pipeline.
func (r Run) ResourceName() string { return r.PipelineName + "-" + r.ID }

// Task is what a task knows of itself.
type Task struct {
	ID   string
	Name string
}

// Launch is a container task as a workload runs it. Strings are literal: a
// consumer whose format gives ${ a meaning escapes it.
type Launch struct {
	Image     string
	Command   []string
	Args      []string
	Env       []ir.EnvVar
	Resources Resources
	// Inputs are the task's inputs as the step sees them: leaf defaults added,
	// references resolved, values converted to the declared types.
	Inputs        ir.Values
	ExecutorInput []byte     // JSON
	Directories   []string   // to exist before the step starts
	Returns       []string   // files whose content ReadOutputs wants
	Downloads     []Transfer // before the step, where URI and path differ
	Uploads       []Transfer // after the step, where URI and path differ
	Warnings      []string   // what the spec asked for and cannot be had
}

// Transfer is one artifact that is kept in one place and used in another.
type Transfer struct {
	URI  string
	Path string
}

// Resources are what a task asks for; zero means not said.
type Resources struct {
	CPUMilli         int64 // thousandths of a core
	MemoryBytes      int64
	CPULimitMilli    int64
	MemoryLimitBytes int64
	GPUs             int32
	GPUModel         string // such as "nvidia-h100"; empty means any
}

// Build makes the launch of a container task.
func Build(req Request) (*Launch, error) { panic("soon") }
