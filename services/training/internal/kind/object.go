package kind

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// child returns an object of an object, and makes it when it is missing. It is nil
// when something else is in its place, which is found wrong later.
func child(of map[string]any, name string) map[string]any {
	if of == nil {
		return nil
	}
	if of[name] == nil {
		made := map[string]any{}
		of[name] = made
		return made
	}
	found, _ := of[name].(map[string]any)
	return found
}

// setDefault sets a field that is missing.
func setDefault(of map[string]any, name string, value any) {
	if of != nil && of[name] == nil {
		of[name] = value
	}
}

func number(n string) json.Number { return json.Number(n) }

// normalize spells the replica types as the kind does.
func (k *Kind) normalize(specs map[string]any) {
	if k.Rendezvous == MPI {
		return // as upstream
	}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		for _, t := range k.types {
			if name != t && strings.EqualFold(name, t) {
				specs[t] = specs[name]
				delete(specs, name)
			}
		}
	}
}

// fill fills in what a manifest leaves out and is kept so. Lists stay as they are: clients
// that compare what they sent with what is kept take a list as a whole, so one that was
// added to would look changed for ever.
func (k *Kind) fill(object map[string]any) {
	spec := child(object, "spec")
	if spec == nil {
		return
	}
	policy := child(spec, "runPolicy")
	if k.defaults != nil {
		k.defaults(spec)
	}
	setDefault(policy, "cleanPodPolicy", cleanNone)
	setDefault(policy, "suspend", false)
	specs, _ := spec[k.replicas].(map[string]any)
	k.normalize(specs)
	for t, each := range specs {
		if replica, ok := each.(map[string]any); ok {
			k.fillReplica(t, replica)
		}
	}
}

// fillPorts gives the containers that count the kind's port. That is not kept.
func (k *Kind) fillPorts(object map[string]any) {
	if k.port == 0 {
		return
	}
	spec, _ := object["spec"].(map[string]any)
	specs, _ := spec[k.replicas].(map[string]any)
	for _, each := range specs {
		if replica, ok := each.(map[string]any); ok {
			k.fillPort(replica)
		}
	}
}

func (k *Kind) fillReplica(t string, replica map[string]any) {
	count, restart := "1", k.restart
	switch {
	case k.Rendezvous == MPI && t == worker:
		count, restart = "0", never
	}
	setDefault(replica, "replicas", number(count))
	if text, ok := replica["restartPolicy"].(string); !ok || text == "" {
		setDefault(replica, "restartPolicy", restart)
		if ok {
			replica["restartPolicy"] = restart
		}
	}
}

// fillPort gives the container that counts the kind's port.
func (k *Kind) fillPort(replica map[string]any) {
	template, _ := replica["template"].(map[string]any)
	spec, _ := template["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	for i, each := range containers {
		container, ok := each.(map[string]any)
		if !ok || container["name"] != k.container && (i > 0 || k.named(containers)) {
			continue
		}
		ports, isList := container["ports"].([]any)
		if container["ports"] != nil && !isList {
			return
		}
		for _, port := range ports {
			if p, ok := port.(map[string]any); ok && p["name"] == k.portName {
				return
			}
		}
		container["ports"] = append(slices.Clip(ports), map[string]any{"name": k.portName, "containerPort": json.Number(itoa(k.port))})
		return
	}
}

// named reports whether a container has the kind's name.
func (k *Kind) named(containers []any) bool {
	return slices.ContainsFunc(containers, func(each any) bool {
		container, ok := each.(map[string]any)
		return ok && container["name"] == k.container
	})
}
