package trainjob

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// immutable are the fields of a TrainJob's specification that stay as they are.
var immutable = []string{"runtimeRef", "initializer", "trainer", "managedBy", "activeDeadlineSeconds"}

// patchFields are those that may change only while the job is suspended.
var patchFields = []string{"podSpecOverrides", "podTemplateOverrides", "runtimePatches"}

// CheckChange says what is wrong with a change of a TrainJob, from one manifest to
// another that was accepted by itself.
func CheckChange(from, to string) error {
	before, err := kind.Object([]byte(from))
	if err != nil {
		return err
	}
	after, err := kind.Object([]byte(to))
	if err != nil {
		return err
	}
	was, is := dig(before, "spec"), dig(after, "spec")
	p := &field.Problems{}
	for _, name := range immutable {
		if !same(was[name], is[name]) {
			p.Invalid("spec."+name, shown(is[name]), "field is immutable")
		}
	}
	suspended := was["suspend"] == true || is["suspend"] == true
	for _, name := range patchFields {
		if !suspended && !same(was[name], is[name]) {
			p.Forbidden("spec."+name, name+" can only be modified when the TrainJob is suspended")
		}
	}
	return p.Err()
}

// fixed are the fields of a runtime's set of jobs that stay as they are, once they are said.
var fixed = []string{"network", "successPolicy", "failurePolicy", "startupPolicy", "volumeClaimPolicies"}

// CheckRuntimeChange says what is wrong with a change of a runtime, from one manifest to
// another that was accepted by itself.
func CheckRuntimeChange(from, to string) error {
	before, err := kind.Object([]byte(from))
	if err != nil {
		return err
	}
	after, err := kind.Object([]byte(to))
	if err != nil {
		return err
	}
	const at = "spec.template.spec."
	was, is := dig(before, "spec", "template", "spec"), dig(after, "spec", "template", "spec")
	p := &field.Problems{}
	stays := func(path string, a, b any) {
		if a != nil && b != nil && !same(a, b) {
			p.Invalid(path, shown(b), "Value is immutable")
		}
	}
	for _, name := range fixed {
		stays(at+name, was[name], is[name])
	}
	jobs, _ := is["replicatedJobs"].([]any)
	for i := range jobs {
		job := element(is["replicatedJobs"], i)
		stays(fmt.Sprintf("%sreplicatedJobs[%d].dependsOn", at, i), named(was["replicatedJobs"], job["name"])["dependsOn"], job["dependsOn"])
	}
	return p.Err()
}

// named is the element of a list with a name; empty when there is none.
func named(list, name any) map[string]any {
	all, _ := list.([]any)
	for i := range all {
		if one := element(list, i); one["name"] == name {
			return one
		}
	}
	return nil
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}
