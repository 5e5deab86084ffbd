package launch

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// secretEnv gives the keys of secrets as variables.
func (b *podBuilder) secretEnv() error {
	for i, source := range b.spec.SecretAsEnv {
		name, err := b.name(item("secretAsEnv", i), source.SecretNameParameter, source.Optional)
		if err != nil {
			return err
		}
		for _, key := range source.KeyToEnv {
			selector := &gpuagentv1.KeySelector{Name: name, Key: key.SecretKey, Optional: source.Optional}
			if err := b.env(item("secretAsEnv", i), key.EnvVar, selector, &gpuagentv1.ValueSource{
				Source: &gpuagentv1.ValueSource_Secret{Secret: selector},
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// configMapEnv gives the keys of config maps as variables.
func (b *podBuilder) configMapEnv() error {
	for i, source := range b.spec.ConfigMapAsEnv {
		name, err := b.name(item("configMapAsEnv", i), source.ConfigMapNameParameter, source.Optional)
		if err != nil {
			return err
		}
		for _, key := range source.KeyToEnv {
			selector := &gpuagentv1.KeySelector{Name: name, Key: key.ConfigMapKey, Optional: source.Optional}
			if err := b.env(item("configMapAsEnv", i), key.EnvVar, selector, &gpuagentv1.ValueSource{
				Source: &gpuagentv1.ValueSource_ConfigMap{ConfigMap: selector},
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// env gives one key of a secret or config map as a variable. Without a name it
// was left out.
func (b *podBuilder) env(field, variable string, key *gpuagentv1.KeySelector, from *gpuagentv1.ValueSource) error {
	switch {
	case key.GetName() == "":
		return nil
	case key.GetKey() == "" || variable == "":
		return b.refuse(field, "keyToEnv must name a key and a variable, and has the key %q and the variable %q", key.GetKey(), variable)
	}
	b.pod.Env = append(b.pod.Env, &gpuagentv1.EnvVar{Name: variable, ValueFrom: from})
	return nil
}

// fieldEnv gives fields of the pod as variables.
func (b *podBuilder) fieldEnv() error {
	for i, field := range b.spec.FieldPathAsEnv {
		if field.Name == "" || field.FieldPath == "" {
			return b.refuse(item("fieldPathAsEnv", i), "it must have name and fieldPath, and has %q and %q", field.Name, field.FieldPath)
		}
		b.pod.Env = append(b.pod.Env, &gpuagentv1.EnvVar{
			Name:      field.Name,
			ValueFrom: &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_FieldPath{FieldPath: field.FieldPath}},
		})
	}
	return nil
}
