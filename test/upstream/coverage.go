package main

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// uncovered are the fields of definitions that no seed of the kind has, and of which nothing would be asked therefore.
// Fields of pods are left out: they are the same in all kinds, and a test of kfmesh's own compares them with
// Kubernetes' types.
func uncovered(definitions map[string]*definition, seeds []map[string]any) []string {
	has := map[string]map[string]bool{}
	for _, seed := range seeds {
		name := kindOf(seed)
		if has[name] == nil {
			has[name] = map[string]bool{}
		}
		mark(seed["spec"], "spec", has[name])
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(has)) {
		spec := definitions[name].structural.Properties["spec"]
		for _, path := range fields(&spec, "spec", nil) {
			if !has[name][path] {
				missing = append(missing, name+" "+path)
			}
		}
	}
	return missing
}

func kindOf(object map[string]any) string {
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	return version + " " + kind
}

// mark notes the paths of all fields of a value. Keys of maps are among them, and as {} as well.
func mark(value any, path string, has map[string]bool) {
	has[path] = true
	switch v := value.(type) {
	case map[string]any:
		for name, each := range v {
			mark(each, path+"."+name, has)
			mark(each, path+".{}", has)
		}
	case []any:
		for _, each := range v {
			mark(each, path+"[]", has)
		}
	}
}

// deep end the paths of what has many fields that mean nothing to a job.
var deep = []string{".valueFrom", ".volumeClaimPolicies[]", ".podFailurePolicy", ".successPolicy.rules", ".selector", ".elasticPolicy.metrics[]"}

// fields are the paths of all fields of a schema.
func fields(s *schema.Structural, path string, all []string) []string {
	pod := strings.HasSuffix(path, "ReplicaSpecs.{}.template") || strings.HasSuffix(path, "template.spec.template") && s.Properties["spec"].Properties["containers"].Items != nil
	if pod || slices.ContainsFunc(deep, func(end string) bool { return strings.HasSuffix(path, end) }) {
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		below := s.Properties[name]
		if path+"."+name == "spec.mlPolicy.flux" {
			continue // which is refused here
		}
		all = append(all, path+"."+name)
		all = fields(&below, path+"."+name, all)
	}
	if s.Items != nil {
		all = fields(s.Items, path+"[]", all)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		all = fields(s.AdditionalProperties.Structural, path+".{}", all)
	}
	return all
}
