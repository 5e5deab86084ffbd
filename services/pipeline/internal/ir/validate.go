package ir

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
)

// SchemaVersion is the version of the format that this package reads, as the
// KFP API server does; kfp SDKs from 2.0 on write it.
const SchemaVersion = "2.1.0"

// maxViolations bounds the answer about a file in which everything is wrong.
const maxViolations = 100

// Validate says everything that is wrong with a spec as one fault.Invalid with
// the path of each field, and nil when a run of it can be started.
func Validate(spec *Spec) error {
	v := &validator{spec: spec, conditions: expr.NewConditions(), loopItems: loopItems(spec)}
	v.header()
	for _, name := range slices.Sorted(maps.Keys(spec.DeploymentSpec.Executors)) {
		v.executor("deploymentSpec.executors."+name, spec.DeploymentSpec.Executors[name])
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Components)) {
		v.component("components."+name, spec.Components[name])
	}
	v.definitions("root", spec.Root)
	if spec.Root.DAG != nil {
		v.dag("root", spec.Root)
	}
	if v.nesting() {
		v.size()
	}
	if len(v.violations) > 0 {
		return fault.InvalidAll(v.violations).WithReason("PIPELINE_INVALID")
	}
	return nil
}

// validator collects what is wrong with a spec.
type validator struct {
	spec       *Spec
	conditions *expr.Conditions
	loopItems  map[string]bool // of loops
	violations []fault.Violation
}

func (v *validator) wrong(path, format string, args ...any) {
	if len(v.violations) < maxViolations {
		v.violations = append(v.violations, fault.Violation{Field: path, Reason: fmt.Sprintf(format, args...)})
	}
}

// because reports the reason of a fault at a path.
func (v *validator) because(path string, err error) {
	if err != nil {
		v.wrong(path, "%s", err)
	}
}

func (v *validator) header() {
	if v.spec.SchemaVersion != SchemaVersion {
		v.wrong("schemaVersion", "is %q; %s is supported: compile the pipeline with a kfp SDK of version 2",
			v.spec.SchemaVersion, SchemaVersion)
	}
	if v.spec.PipelineInfo.Name == "" {
		v.wrong("pipelineInfo.name", "is missing; a pipeline needs a name")
	}
	if v.spec.Root.DAG == nil {
		v.wrong("root.dag", "is missing; the root of a pipeline is a DAG of tasks")
	} else if len(v.spec.Root.DAG.Tasks) == 0 {
		v.wrong("root.dag.tasks", "is empty; a pipeline has at least one task")
	}
}

func (v *validator) executor(path string, e Executor) {
	switch {
	case e.Container != nil && e.Importer != nil:
		v.wrong(path, "has both container and importer; it must have one")
	case e.Container != nil && strings.TrimSpace(e.Container.Image) == "":
		v.wrong(path+".container.image", "is missing; a container needs an image")
	case e.Importer != nil && e.Importer.ArtifactURI.Constant == nil && e.Importer.ArtifactURI.RuntimeParameter == "":
		v.wrong(path+".importer.artifactUri", "is missing; it must have constant or runtimeParameter")
	case e.Container == nil && e.Importer == nil:
		v.wrong(path, "has neither container nor importer; these are the executors that kfmesh runs")
	}
}

func (v *validator) component(path string, c Component) {
	v.definitions(path, c)
	switch {
	case c.DAG != nil && c.ExecutorLabel != "":
		v.wrong(path, "has both dag and executorLabel; it must have one")
	case c.DAG != nil:
		v.dag(path, c)
	case c.ExecutorLabel == "":
		v.wrong(path, "has neither dag nor executorLabel; it must have one")
	default:
		executors := v.spec.DeploymentSpec.Executors
		if _, known := executors[c.ExecutorLabel]; !known {
			v.wrong(path+".executorLabel", "there is no executor %q; %s", c.ExecutorLabel, choices("deploymentSpec.executors", executors))
		}
	}
}

// definitions checks the declared inputs and outputs of a component.
func (v *validator) definitions(path string, c Component) {
	for _, set := range []struct {
		path string
		defs map[string]ParameterDef
	}{
		{path + ".inputDefinitions.parameters.", c.InputDefinitions.Parameters},
		{path + ".outputDefinitions.parameters.", c.OutputDefinitions.Parameters},
	} {
		for _, name := range slices.Sorted(maps.Keys(set.defs)) {
			v.parameterDef(set.path+name, set.defs[name])
		}
	}
}

func (v *validator) parameterDef(path string, def ParameterDef) {
	if !slices.Contains(parameterTypes(), def.ParameterType) {
		v.wrong(path+".parameterType", "is %q; it must be one of %v", def.ParameterType, parameterTypes())
		return
	}
	if def.HasDefault && def.DefaultValue != nil && !def.ParameterType.Holds(def.DefaultValue) {
		v.wrong(path+".defaultValue", "must be %s, is %s", def.ParameterType.describe(), kindOf(def.DefaultValue))
	}
}

func parameterTypes() []ParameterType {
	return []ParameterType{NumberDouble, NumberInteger, String, Boolean, List, Struct, TaskFinalStatus, TaskConfig}
}

// choices lists what could have been meant.
func choices[V any](where string, m map[string]V) string {
	const most = 8
	if len(m) == 0 {
		return where + " is empty"
	}
	names := slices.Sorted(maps.Keys(m))
	more := ""
	if len(names) > most {
		names, more = names[:most], ", ..."
	}
	return where + " has " + strings.Join(names, ", ") + more
}
