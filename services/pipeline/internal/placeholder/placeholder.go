// Package placeholder resolves {{$...}} references and the struct placeholders
// IfPresent and Concat in the strings of a compiled pipeline. It does no I/O.
//
// References inside parameter values are resolved first (Scope.ResolveInputs),
// each after the ones it refers to; then struct placeholders; then references in
// arguments. What a reference stands for is never searched for references
// again, so a value that happens to look like one is left alone.
package placeholder

import (
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Scope is what placeholders may refer to.
type Scope struct {
	Inputs        ir.Values
	Outputs       Outputs
	ExecutorInput string // {{$}}
	Job           Job
	// Path is where the step finds an artifact; nil means that the URI of each is
	// its path.
	Path func(ir.Artifact) string
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
	Scheduled    time.Time // zero when nobody scheduled the run; then it is Created
	Root         string    // {{$.pipeline_root}}
	Workspace    string    // {{$.workspace_path}}; empty when the run has none
}

// Resolve replaces every reference in text. A reference that is unknown or
// names something the task does not have is an error that quotes it.
func (s *Scope) Resolve(text string) (string, error) {
	var failure error
	resolved := reference.ReplaceAllStringFunc(text, func(ref string) string {
		value, err := s.lookup(ref)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return resolved, failure
}

// lookup returns the text that one reference stands for.
func (s *Scope) lookup(ref string) (string, error) {
	if ref == "{{$}}" {
		return s.ExecutorInput, nil
	}
	parts := segments(ref)
	if len(parts) == 1 {
		return s.job(ref, parts[0])
	}
	if len(parts) == 2 && parts[0] == "outputs" && parts[1] == "output_file" {
		return s.Outputs.File, nil
	}
	if len(parts) < 3 {
		return "", unknown(ref)
	}
	name, selectors := parts[2], parts[3:]
	switch parts[0] + "." + parts[1] {
	case "inputs.parameters":
		return s.inputParameter(ref, name, selectors)
	case "outputs.parameters":
		return s.outputParameter(ref, name, selectors)
	case "inputs.artifacts":
		return s.inputArtifact(ref, name, selectors)
	case "outputs.artifacts":
		return s.outputArtifact(ref, name, selectors)
	}
	return "", unknown(ref)
}

func (s *Scope) job(ref, name string) (string, error) {
	switch name {
	case "pipeline_job_name":
		return s.Job.Name, nil
	case "pipeline_job_resource_name":
		return s.Job.ResourceName, nil
	case "pipeline_job_uuid":
		return s.Job.UUID, nil
	case "pipeline_task_name":
		return s.Job.TaskName, nil
	case "pipeline_task_uuid":
		return s.Job.TaskUUID, nil
	case "pipeline_job_create_time_utc":
		return utc(s.Job.Created), nil
	case "pipeline_job_schedule_time_utc":
		if s.Job.Scheduled.IsZero() {
			return utc(s.Job.Created), nil
		}
		return utc(s.Job.Scheduled), nil
	case "pipeline_root":
		return s.Job.Root, nil
	case "workspace_path":
		if s.Job.Workspace == "" {
			return "", fault.New(fault.Invalid, "%s: the run has no workspace; "+
				"it has one when its pipeline's PipelineConfig asks for it and artifacts are kept in a directory", ref)
		}
		return s.Job.Workspace, nil
	case "outputMetadataUri": // an older name of outputs.output_file
		return s.Outputs.File, nil
	}
	return "", unknown(ref)
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func unknown(ref string) error {
	return fault.New(fault.Invalid, "%s is not a placeholder that kfmesh knows", ref)
}

func missing(ref, what, name string) error {
	return fault.New(fault.Invalid, "%s: the task has no %s %q", ref, what, name)
}
