// Package placeholder resolves {{$...}} references and the struct placeholders
// IfPresent and Concat in the strings of a compiled pipeline. It does no I/O.
package placeholder

import (
	"time"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Scope is what placeholders may refer to.
type Scope struct {
	Inputs        ir.Values
	Outputs       Outputs
	ExecutorInput string // {{$}}
	Job           Job
	// Path maps the URI of an artifact to where the step finds it; nil means
	// that each URI is its own path.
	Path func(uri string) string
}

// Outputs are the places where a step puts what it makes.
type Outputs struct {
	File       string                 // {{$.outputs.output_file}}
	Parameters map[string]string      // file of each output parameter
	Artifacts  map[string]ir.Artifact // artifact of each output
}

// Job is the run and the task as placeholders see them.
type Job struct {
	Name         string // {{$.pipeline_job_name}}
	ResourceName string // {{$.pipeline_job_resource_name}}
	UUID         string // {{$.pipeline_job_uuid}}
	TaskName     string // {{$.pipeline_task_name}}
	TaskUUID     string // {{$.pipeline_task_uuid}}
	Created      time.Time
	Scheduled    time.Time
	Root         string // {{$.pipeline_root}}
	Workspace    string // {{$.workspace_path}}; empty when the run has none
}

// Resolve replaces every reference in s. A reference that is unknown or names
// something the task does not have is an error that quotes it.
func (s *Scope) Resolve(text string) (string, error) { panic("soon") }

// ResolveArgs resolves arguments, where a whole argument may be a struct
// placeholder that expands to none, one or several.
func (s *Scope) ResolveArgs(args []string) ([]string, error) { panic("soon") }

// ResolveInputs returns the scope's inputs with the references inside parameter
// values resolved, in the order of what refers to what.
func (s *Scope) ResolveInputs() (ir.Values, error) { panic("soon") }
