package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// definition is a CustomResourceDefinition's version, as an API server uses it.
type definition struct {
	scoped     bool // objects have a namespace
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator // nil without any
}

// definitions reads all versions in the files of a directory, by "apiVersion kind".
func definitions(dir string) (map[string]*definition, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	all := map[string]*definition{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		external := &v1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(data, external); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if external.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range external.Spec.Versions {
			d, err := newDefinition(version.Schema)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			d.scoped = external.Spec.Scope == v1.NamespaceScoped
			all[external.Spec.Group+"/"+version.Name+" "+external.Spec.Names.Kind] = d
		}
	}
	return all, nil
}

func newDefinition(external *v1.CustomResourceValidation) (*definition, error) {
	internal := &apiextensions.CustomResourceValidation{}
	if err := v1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(external, internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &definition{structural: structural, validator: validator, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// admit fills in defaults, drops what the schema does not know and says what is wrong.
func (d *definition) admit(object map[string]any) answer {
	defaulting.PruneNonNullableNullsWithoutDefaults(object, d.structural)
	defaulting.Default(object, d.structural)
	pruning.Prune(object, d.structural, true)
	errs := validation.ValidateCustomResource(nil, object, d.validator)
	if len(errs) > 0 {
		return of(errs, false) // lists and rules expect values of the right types
	}
	errs = listtype.ValidateListSetsAndMaps(nil, d.structural, object)
	if d.rules != nil {
		broken, _ := d.rules.Validate(context.Background(), nil, d.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	return of(errs, false)
}
