package pod

import (
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// columns are those that kubectl prints of pods.
func columns() []kube.Column {
	return []kube.Column{
		{Name: "Ready", Type: "string", Value: ready},
		{Name: "Status", Type: "string", Value: shownPhase},
		{Name: "Restarts", Type: "string", Value: func(o kube.Object) any { return fmt.Sprint(orElse(container(o)["restartCount"], 0)) }},
		kube.Age(),
		{Name: "IP", Type: "string", Wide: true, Value: func(o kube.Object) any { return orElse(kube.Path(o, "status", "podIP"), none) }},
		{Name: "Node", Type: "string", Wide: true, Value: func(o kube.Object) any { return orElse(kube.Path(o, "spec", "nodeName"), none) }},
		{Name: "Nominated Node", Type: "string", Wide: true, Value: func(kube.Object) any { return none }},
		{Name: "Readiness Gates", Type: "string", Wide: true, Value: func(kube.Object) any { return none }},
	}
}

// none is what kubectl prints of what there is not.
const none = "<none>"

func orElse(value, otherwise any) any {
	if value == nil || value == "" {
		return otherwise
	}
	return value
}

// container is the status of the pod's one container.
func container(o kube.Object) map[string]any {
	all, _ := kube.Path(o, "status", "containerStatuses").([]any)
	if len(all) == 0 {
		return nil
	}
	first, _ := all[0].(map[string]any)
	return first
}

func lower(value any) string {
	text, _ := value.(string)
	return strings.ToLower(text)
}

func ready(o kube.Object) any {
	if container(o)["ready"] == true {
		return "1/1"
	}
	return "0/1"
}

// shownPhase is the phase, or what is more telling: why a container waits or has ended.
func shownPhase(o kube.Object) any {
	state, _ := container(o)["state"].(map[string]any)
	for _, of := range []string{"waiting", "terminated"} {
		if in, ok := state[of].(map[string]any); ok && orElse(in["reason"], "") != "" {
			return in["reason"]
		}
	}
	return orElse(kube.Path(o, "status", "phase"), "Unknown")
}

// eventColumns are those that kubectl prints of events.
func eventColumns() []kube.Column {
	text := func(names ...string) func(kube.Object) any {
		return func(o kube.Object) any { return orElse(kube.Path(o, names...), "") }
	}
	return []kube.Column{
		{Name: "Last Seen", Type: "string", Value: func(o kube.Object) any {
			at, _ := kube.Path(o, "lastTimestamp").(string)
			return kube.Since(at)
		}},
		{Name: "Type", Type: "string", Value: text("type")},
		{Name: "Reason", Type: "string", Value: text("reason")},
		{Name: "Object", Type: "string", Value: func(o kube.Object) any {
			return fmt.Sprintf("%v/%v", lower(kube.Path(o, "involvedObject", "kind")), kube.Path(o, "involvedObject", "name"))
		}},
		{Name: "Source", Type: "string", Wide: true, Value: text("source", "component")},
		{Name: "Message", Type: "string", Value: text("message")},
		{Name: "Count", Type: "integer", Wide: true, Value: func(o kube.Object) any { return orElse(kube.Path(o, "count"), 1) }},
	}
}
