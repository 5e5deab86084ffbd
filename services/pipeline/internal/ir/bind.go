package ir

import "slices"

// Constant is an input with a value of its own.
func Constant(value any) *ParameterInput {
	return &ParameterInput{RuntimeValue: &RuntimeValue{Constant: value}}
}

// Value is the value of an input that is a constant, nil for any other.
func (in *ParameterInput) Value() any {
	if in == nil || in.RuntimeValue == nil {
		return nil
	}
	return in.RuntimeValue.Constant
}

// Bind returns the pod with each reference to a parameter replaced by its value
// as a constant, which is null where the parameter has no value. The pod itself
// stays as it is; nil stays nil.
func (p *Pod) Bind(value func(ParameterInput) (any, error)) (*Pod, error) {
	if p == nil {
		return nil, nil
	}
	bound := *p
	for _, reference := range bound.references() {
		v, err := value(**reference)
		if err != nil {
			return nil, err
		}
		*reference = Constant(v)
	}
	return &bound, nil
}

// references makes the parts of the pod that may hold references its own and
// returns where the references are.
func (p *Pod) references() []**ParameterInput {
	var all []**ParameterInput
	add := func(reference **ParameterInput) {
		if *reference != nil {
			all = append(all, reference)
		}
	}
	for _, secrets := range []*[]PodSecret{&p.SecretAsEnv, &p.SecretAsVolume, &p.ImagePullSecret} {
		*secrets = slices.Clone(*secrets)
		for i := range *secrets {
			s := &(*secrets)[i]
			s.SecretNameParameter = orConstant(s.SecretNameParameter, s.SecretName)
			add(&s.SecretNameParameter)
		}
	}
	for _, maps := range []*[]PodConfigMap{&p.ConfigMapAsEnv, &p.ConfigMapAsVolume} {
		*maps = slices.Clone(*maps)
		for i := range *maps {
			m := &(*maps)[i]
			m.ConfigMapNameParameter = orConstant(m.ConfigMapNameParameter, m.ConfigMapName)
			add(&m.ConfigMapNameParameter)
		}
	}
	p.PVCMount = slices.Clone(p.PVCMount)
	for i := range p.PVCMount {
		p.PVCMount[i].PVCNameParameter = p.PVCMount[i].reference()
		add(&p.PVCMount[i].PVCNameParameter)
	}
	p.Tolerations = slices.Clone(p.Tolerations)
	for i := range p.Tolerations {
		add(&p.Tolerations[i].TolerationJSON)
	}
	p.NodeAffinity = slices.Clone(p.NodeAffinity)
	for i := range p.NodeAffinity {
		add(&p.NodeAffinity[i].NodeAffinityJSON)
	}
	add(&p.NodeSelector.NodeSelectorJSON)
	return all
}

func orConstant(in *ParameterInput, older string) *ParameterInput {
	if in != nil || older == "" {
		return in
	}
	return Constant(older)
}

// reference is what names the claim, in the newer spelling.
func (c PodClaim) reference() *ParameterInput {
	switch {
	case c.PVCNameParameter != nil:
		return c.PVCNameParameter
	case c.TaskOutputParameter != nil:
		return &ParameterInput{TaskOutputParameter: c.TaskOutputParameter}
	case c.ComponentInputParameter != "":
		return &ParameterInput{ComponentInputParameter: c.ComponentInputParameter}
	}
	return orConstant(nil, c.Constant)
}

// Claims are the names of the persistent volumes that a bound pod mounts, sorted.
func (p *Pod) Claims() []string {
	if p == nil {
		return nil
	}
	var names []string
	for _, claim := range p.PVCMount {
		if name, ok := claim.PVCNameParameter.Value().(string); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
