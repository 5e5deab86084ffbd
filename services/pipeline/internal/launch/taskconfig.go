package launch

import (
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// taskConfig is the configuration of a task for its input of type TASK_CONFIG:
// a task that starts something elsewhere, such as a training job, is told what
// to ask for there, in the JSON of Kubernetes. Each part that it is told does not
// apply to the task itself unless the component says that it does.
type taskConfig struct {
	input string // name of the input
	told  map[string]bool
	apply map[string]bool
}

// taskConfigOf reads what a component's task is told of its configuration.
func taskConfigOf(c ir.Component) taskConfig {
	t := taskConfig{told: map[string]bool{}, apply: map[string]bool{}}
	for name, def := range c.InputDefinitions.Parameters {
		if def.ParameterType == ir.TaskConfig {
			t.input = name
		}
	}
	for _, p := range c.TaskConfigPassthroughs {
		t.told[p.Field], t.apply[p.Field] = true, p.ApplyToTask
	}
	return t
}

// spared reports whether a part does not apply to the task itself.
func (t taskConfig) spared(field string) bool { return t.told[field] && !t.apply[field] }

// value is what the input is given; nil when there is no such input, or nothing
// to tell. The launch holds everything that could apply to the task.
func (t taskConfig) value(l *Launch, scope *placeholder.Scope, asked *ir.Resources, pod *ir.Pod) (map[string]any, error) {
	if t.input == "" || len(t.told) == 0 {
		return nil, nil
	}
	if pod == nil {
		pod = &ir.Pod{}
	}
	value := map[string]any{}
	if t.told["RESOURCES"] {
		amounts, err := amountsOf(scope, asked)
		if err != nil {
			return nil, err
		}
		value["resources"] = amounts
	}
	if t.told["ENV"] {
		value["env"] = envOf(l)
	}
	if t.told["KUBERNETES_NODE_SELECTOR"] {
		value["nodeSelector"] = l.Pod.NodeSelector
	}
	if t.told["KUBERNETES_TOLERATIONS"] {
		value["tolerations"] = tolerationsOf(pod)
	}
	if t.told["KUBERNETES_AFFINITY"] {
		value["affinity"] = affinityOf(pod)
	}
	if t.told["KUBERNETES_VOLUMES"] {
		value["volumes"], value["volumeMounts"] = volumesOf(l.Pod)
	}
	return value, nil
}

// spare takes out of a launch what does not apply to the task itself.
func (t taskConfig) spare(l *Launch) {
	if t.spared("RESOURCES") {
		l.Resources = Resources{}
	}
	if t.spared("ENV") {
		l.Env, l.Pod.Env = nil, nil
	}
	if t.spared("KUBERNETES_NODE_SELECTOR") {
		l.Pod.NodeSelector = nil
	}
	if t.spared("KUBERNETES_TOLERATIONS") {
		l.Pod.Tolerations = nil
	}
	if t.spared("KUBERNETES_VOLUMES") {
		isKept := func(v *gpuagentv1.Volume) bool { return v.GetEmptyDir() != nil }
		kept := map[string]bool{}
		for _, v := range l.Pod.Volumes {
			kept[v.GetName()] = isKept(v)
		}
		l.Pod.Volumes = slices.DeleteFunc(l.Pod.Volumes, func(v *gpuagentv1.Volume) bool { return !isKept(v) })
		l.Pod.Mounts = slices.DeleteFunc(l.Pod.Mounts, func(m *gpuagentv1.VolumeMount) bool { return !kept[m.GetVolume()] })
	}
}

// amountsOf are resources as Kubernetes' ResourceRequirements.
func amountsOf(scope *placeholder.Scope, asked *ir.Resources) (map[string]any, error) {
	if asked == nil {
		return nil, nil
	}
	amounts := map[string]any{}
	accelerator := asked.Accelerator
	if accelerator == nil {
		accelerator = &ir.Accelerator{}
	}
	for _, a := range []struct{ kind, resource, text string }{
		{"requests", "cpu", asked.ResourceCPURequest},
		{"requests", "memory", asked.ResourceMemoryRequest},
		{"limits", "cpu", asked.ResourceCPULimit},
		{"limits", "memory", asked.ResourceMemoryLimit},
		{"limits", accelerator.ResourceType, accelerator.ResourceCount},
	} {
		resource, err := scope.Resolve(a.resource)
		if err != nil {
			return nil, err
		}
		text, err := scope.Resolve(a.text)
		if err != nil {
			return nil, err
		}
		if resource == "" || strings.TrimSpace(text) == "" {
			continue
		}
		if amounts[a.kind] == nil {
			amounts[a.kind] = map[string]any{}
		}
		amounts[a.kind].(map[string]any)[resource] = text
	}
	return amounts, nil
}

// envOf is the environment as Kubernetes' EnvVars.
func envOf(l *Launch) []any {
	env := []any{}
	for _, v := range l.Env {
		env = append(env, map[string]any{"name": v.Name, "value": v.Value})
	}
	reference := func(k *gpuagentv1.KeySelector) map[string]any {
		return map[string]any{"name": k.GetName(), "key": k.GetKey(), "optional": k.GetOptional()}
	}
	for _, v := range l.Pod.Env {
		from := map[string]any{}
		switch source := v.GetValueFrom().GetSource().(type) {
		case *gpuagentv1.ValueSource_Secret:
			from["secretKeyRef"] = reference(source.Secret)
		case *gpuagentv1.ValueSource_ConfigMap:
			from["configMapKeyRef"] = reference(source.ConfigMap)
		case *gpuagentv1.ValueSource_FieldPath:
			from["fieldRef"] = map[string]any{"fieldPath": source.FieldPath}
		}
		env = append(env, map[string]any{"name": v.GetName(), "valueFrom": from})
	}
	return env
}

// tolerationsOf are the tolerations of a bound pod as Kubernetes'. A parameter
// may hold one or a list.
func tolerationsOf(pod *ir.Pod) []any {
	list := []any{}
	for _, t := range pod.Tolerations {
		switch given := t.TolerationJSON.Value().(type) {
		case []any:
			list = append(list, given...)
		case map[string]any:
			list = append(list, given)
		}
		if t.TolerationJSON != nil {
			continue
		}
		one := map[string]any{}
		for key, text := range map[string]string{"key": t.Key, "operator": t.Operator, "value": t.Value, "effect": t.Effect} {
			if text != "" {
				one[key] = text
			}
		}
		if t.TolerationSeconds != nil {
			one["tolerationSeconds"] = float64(*t.TolerationSeconds)
		}
		list = append(list, one)
	}
	return list
}

// affinityOf is the node affinity of a bound pod as Kubernetes' Affinity.
func affinityOf(pod *ir.Pod) map[string]any {
	terms, preferences := affinityTerms(pod)
	node := map[string]any{}
	if len(terms) > 0 {
		node[affinityRequired] = map[string]any{"nodeSelectorTerms": terms}
	}
	if len(preferences) > 0 {
		node[affinityPreferred] = preferences
	}
	return map[string]any{"nodeAffinity": node}
}

// volumesOf are the secrets, config maps and claims of a pod as Kubernetes'
// Volumes and VolumeMounts.
func volumesOf(pod Pod) (volumes, mounts []any) {
	volumes, mounts = []any{}, []any{}
	given := map[string]bool{}
	for _, v := range pod.Volumes {
		volume := map[string]any{"name": v.GetName()}
		switch source := v.GetSource().(type) {
		case *gpuagentv1.Volume_Secret:
			volume["secret"] = map[string]any{"secretName": source.Secret.GetName(), "optional": source.Secret.GetOptional()}
		case *gpuagentv1.Volume_ConfigMap:
			volume["configMap"] = map[string]any{"name": source.ConfigMap.GetName(), "optional": source.ConfigMap.GetOptional()}
		case *gpuagentv1.Volume_Claim:
			volume["persistentVolumeClaim"] = map[string]any{"claimName": source.Claim}
		default:
			continue
		}
		given[v.GetName()] = true
		volumes = append(volumes, volume)
	}
	for _, m := range pod.Mounts {
		if !given[m.GetVolume()] {
			continue
		}
		mount := map[string]any{"name": m.GetVolume(), "mountPath": m.GetPath()}
		if m.GetSubPath() != "" {
			mount["subPath"] = m.GetSubPath()
		}
		mounts = append(mounts, mount)
	}
	return volumes, mounts
}
