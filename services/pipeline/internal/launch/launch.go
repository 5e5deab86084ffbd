// Package launch turns a task that is ready to run into what an executor needs,
// and what the executor left behind into the task's outputs.
//
// Build makes the command, environment and ExecutorInput of a container task;
// ReadOutputs reads executor_output.json and the output parameter files; Import
// makes the artifact of an importer; CacheKey names what a task would compute.
// All of it is pure: paths are only computed, files are moved by others.
package launch

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// Request is a task that is ready to run.
type Request struct {
	Spec      *ir.Spec
	Component string // key in Spec.Components; it must name an executor
	Run       Run
	Task      Task
	Inputs    ir.Values // as the DAG resolved them, without leaf defaults
	Pod       *ir.Pod   // of the platform spec, bound; nil when it says nothing
	Layout    Layout
	// Stamps are the states of input artifacts whose digest is not known, by URI,
	// as far as they could be found out. Only CacheKey looks at them.
	Stamps map[string]string
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
	Tracking     Tracking
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
	Pod       Pod    // what the platform spec adds
	Runtime   string // that it needs, such as "process"; empty for any
	// Inputs are the task's inputs as the step sees them: leaf defaults added,
	// references resolved, values converted to the declared types.
	Inputs        ir.Values
	ExecutorInput []byte     // JSON
	InputFile     string     // path at which the step reads ExecutorInput; empty when it is in the arguments, or nowhere
	Directories   []string   // to exist before the step starts
	Returns       []string   // files whose content ReadOutputs wants
	Downloads     []Transfer // before the step, where URI and path differ
	Uploads       []Transfer // after the step, where URI and path differ
}

// Transfer is one artifact that is kept in one place and used in another.
type Transfer struct {
	URI      string
	Path     string
	Optional bool // there may be nothing at the URI
	Expand   bool // what is fetched is a text whose references are filled in
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
func Build(req Request) (*Launch, error) {
	c, executor, err := req.component()
	if err != nil {
		return nil, err
	}
	if executor.Container == nil {
		return nil, fault.Internalf(nil, "component %q is no container", req.Component)
	}
	inputs, err := req.inputs(c)
	if err != nil {
		return nil, err
	}
	l := &Launch{Inputs: inputs}
	scope, err := l.tell(req, c)
	if err != nil {
		return nil, err
	}
	if err := l.fill(scope, executor.Container); err != nil {
		return nil, fmt.Errorf("task %q cannot be started: %w", req.Task.Name, err)
	}
	if l.Pod, err = buildPod(req, scope); err != nil {
		return nil, err
	}
	l.warnPause()
	if scope, err = l.configure(req, c, executor.Container, scope); err != nil {
		return nil, err
	}
	if err := l.command(req, scope, executor.Container); err != nil {
		return nil, fmt.Errorf("task %q cannot be started: %w", req.Task.Name, err)
	}
	l.place(req, c)
	l.track(req)
	return l, nil
}

// tell writes what the step is told, and returns what its placeholders stand for.
func (l *Launch) tell(req Request, c ir.Component) (*placeholder.Scope, error) {
	input, err := req.executorInput(c, l.Inputs)
	if err != nil {
		return nil, err
	}
	l.ExecutorInput = input
	scope := req.scope(c, l.Inputs)
	scope.ExecutorInput = string(input)
	return scope, nil
}

// fill resolves what the container runs in.
func (l *Launch) fill(scope *placeholder.Scope, container *ir.Container) (err error) {
	if l.Image, err = scope.Resolve(container.Image); err != nil {
		return err
	}
	for _, env := range container.Env {
		if env.Value, err = scope.Resolve(env.Value); err != nil {
			return err
		}
		l.Env = append(l.Env, env)
	}
	l.Resources, err = resources(scope, container.Resources)
	return err
}

// debugPause begins the names of the variables by which the SDK's
// set_debug_pause asks Argo to hold a pod.
const debugPause = "ARGO_DEBUG_PAUSE_"

// warnPause warns of a pause that will not be made.
func (l *Launch) warnPause() {
	for _, env := range l.Env {
		if strings.HasPrefix(env.Name, debugPause) {
			l.Pod.Warnings = append(l.Pod.Warnings, env.Name+" is set and has no effect: a step is not held for debugging")
		}
	}
}

// configure tells a task its own configuration, if its component asks for that,
// and returns the scope in which it knows it.
func (l *Launch) configure(req Request, c ir.Component, container *ir.Container, scope *placeholder.Scope) (*placeholder.Scope, error) {
	config := taskConfigOf(c)
	value, err := config.value(l, scope, container.Resources, req.Pod)
	if err != nil || value == nil {
		return scope, err
	}
	config.spare(l)
	l.Inputs.Parameters[config.input] = value
	return l.tell(req, c)
}

// command resolves what the container runs.
func (l *Launch) command(req Request, scope *placeholder.Scope, container *ir.Container) (err error) {
	command := container.Command
	if path := req.inputFile(); path != "" && len(l.ExecutorInput) > maxGivenBytes {
		if booted, can := boot(command); can {
			command, l.InputFile, scope.ExecutorInput = booted, path, path
		}
	}
	var size argumentSize
	if l.Command, err = size.resolve(scope, "command", command); err != nil {
		return err
	}
	if l.Args, err = size.resolve(scope, "args", container.Args); err != nil {
		return err
	}
	return size.environment(l.Env)
}

// place says which files are needed before and wanted after.
func (l *Launch) place(req Request, c ir.Component) {
	if writes(c) || l.mentions(req.Layout.TaskDir) || l.InputFile != "" || l.mentions(string(l.ExecutorInput)) {
		l.Directories = []string{req.Layout.TaskDir}
		l.Returns = []string{req.Layout.OutputFile()}
	}
	if req.Run.Workspace != "" {
		l.Directories = append(l.Directories, req.Run.Workspace)
	}
	files := slices.Sorted(maps.Values(req.parameterFiles(c)))
	if len(files) > 0 {
		l.Directories = append(l.Directories, path.Dir(files[0]))
		l.Returns = append(l.Returns, files...)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Inputs.Artifacts)) {
		for _, a := range l.Inputs.Artifacts[name] {
			if req.Layout.fetches(a.URI) && !req.copied(a) {
				l.Downloads = append(l.Downloads, Transfer{URI: a.URI, Path: req.LocalPath(a)})
			}
		}
	}
	if len(c.OutputDefinitions.Artifacts) > 0 && req.Layout.TaskURI != "" {
		// All of the directory: the step may put its artifacts anywhere in it.
		l.Uploads = []Transfer{{URI: req.Layout.TaskURI, Path: req.Layout.TaskDir}}
	}
}

func writes(c ir.Component) bool {
	return len(c.OutputDefinitions.Parameters)+len(c.OutputDefinitions.Artifacts) > 0
}

// mentions reports whether the step is told a text. One that was told neither its
// directory nor the ExecutorInput leaves nothing there, and is spared it.
func (l *Launch) mentions(text string) bool {
	contains := func(told string) bool { return strings.Contains(told, text) }
	return slices.ContainsFunc(l.Command, contains) || slices.ContainsFunc(l.Args, contains) ||
		slices.ContainsFunc(l.Env, func(v ir.EnvVar) bool { return contains(v.Value) })
}
