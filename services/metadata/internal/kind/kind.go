// Package kind knows the types of artifacts, executions and contexts that kfmesh
// and its users have in common, and the properties that each declares.
//
// They are KFP's artifact types, the four predefined kinds of Kubeflow Metadata
// (data set, model, metrics, execution) with its workspace, and what runs on
// kfmesh. A type that is not here is as good as any other: nothing is known of its
// properties, so any are taken.
package kind

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Types of contexts that pipelines make.
const (
	Experiment  = "system.Experiment"
	Pipeline    = "system.Pipeline"
	PipelineRun = "system.PipelineRun"
	Job         = "system.Job"
)

// Types of artifacts that more is known of than their properties.
const (
	Metrics               = "system.Metrics"
	ClassificationMetrics = "system.ClassificationMetrics"
	Dataset               = "system.Dataset"
	Model                 = "system.Model"
)

// What a property holds.
type holds string

const (
	number  holds = "int_value"
	decimal holds = "double_value"
	text    holds = "string_value"
	truth   holds = "bool_value"
	object  holds = "struct_value"
)

// types are the known types with the properties that each declares. A Metrics
// artifact of KFP declares none: the names of its metrics are the user's.
var types = map[string]map[string]holds{
	"system.Artifact":                    {"display_name": text},
	Dataset:                              {"display_name": text, "container_format": text, "payload_format": text},
	Model:                                {"display_name": text, "framework": text, "framework_version": text},
	Metrics:                              {"display_name": text},
	ClassificationMetrics:                {"display_name": text},
	"system.SlicedClassificationMetrics": {"display_name": text},
	"system.HTML":                        {"display_name": text},
	"system.Markdown":                    {"display_name": text},

	"system.ContainerExecution": {},
	"system.ImporterExecution":  {},
	"system.DAGExecution":       {},

	Experiment: {"description": text},
	Pipeline:   {"description": text, "pipeline_id": text, "pipeline_version_id": text},
	PipelineRun: {
		"state": text, "error": text, "parameters": object, "deleted": truth, "start_time": number, "end_time": number,
		"experiment_id": text, "pipeline_id": text, "pipeline_version_id": text, "pipeline_name": text,
	},
	Job: {"state": text, "error": text, "parameters": object, "deleted": truth, "start_time": number, "end_time": number},

	"kubeflow.org/alpha/data_set": {
		"name": text, "description": text, "uri": text, "owner": text, "version": text, "query": text, "create_time": text,
	},
	"kubeflow.org/alpha/model": {
		"name": text, "description": text, "uri": text, "owner": text, "version": text, "model_type": text,
		"training_framework": object, "hyperparameters": object, "create_time": text,
	},
	"kubeflow.org/alpha/metrics": {
		"name": text, "description": text, "uri": text, "owner": text, "data_set_id": text, "model_id": text,
		"metrics_type": text, "values": object, "create_time": text,
	},
	"kubeflow.org/alpha/execution": {"name": text, "description": text, "create_time": text},
	"kubeflow.org/alpha/workspace": {"description": text, "labels": object},
}

// Check says what is wrong with the properties of something of a type: one that
// the type does not declare, or a value that is not what it declares. Field is the
// path of the properties.
func Check(field, typeName string, properties map[string]*metadatav1.Value) (wrong []fault.Violation) {
	declared, known := types[typeName]
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		path := fmt.Sprintf("%s[%q]", field, name)
		got := holding(properties[name])
		want, declares := declared[name]
		switch {
		case got == "":
			wrong = append(wrong, fault.Violation{Field: path, Reason: "has no value; want one of int_value, double_value, string_value, bool_value, struct_value"})
		case known && !declares:
			wrong = append(wrong, fault.Violation{Field: path, Reason: fmt.Sprintf("is no property of %s; want %s, or a custom property", typeName, names(declared))})
		case known && got != want:
			wrong = append(wrong, fault.Violation{Field: path, Reason: fmt.Sprintf("is a %s; %s declares it as a %s", got, typeName, want)})
		}
	}
	return wrong
}

func names(declared map[string]holds) string {
	if len(declared) == 0 {
		return "none"
	}
	return "one of " + strings.Join(slices.Sorted(maps.Keys(declared)), ", ")
}

func holding(value *metadatav1.Value) holds {
	switch value.GetKind().(type) {
	case *metadatav1.Value_IntValue:
		return number
	case *metadatav1.Value_DoubleValue:
		return decimal
	case *metadatav1.Value_StringValue:
		return text
	case *metadatav1.Value_BoolValue:
		return truth
	case *metadatav1.Value_StructValue:
		return object
	}
	return ""
}
