package pod

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// meansNothing are the fields that may be set and change nothing, without a word, and why.
var meansNothing = map[string]string{
	"restartPolicy":                            "the job's own counts; nothing else reads it where no container is beside",
	"terminationGracePeriodSeconds":            "is read for the whole job, by package launch",
	"priorityClassName":                        "is read for the whole job, by package kind",
	"serviceAccountName":                       "nobody asks for an identity here",
	"serviceAccount":                           "as serviceAccountName",
	"schedulerName":                            "there is one scheduler",
	"dnsPolicy":                                "names are found as the node finds them",
	"enableServiceLinks":                       "there are no services to be linked to",
	"automountServiceAccountToken":             "there is no token",
	"hostNetwork":                              "replicas are in the host's network",
	"hostIPC":                                  "and in its namespace of IPC",
	"hostPID":                                  "and in its namespace of processes",
	"tolerations[].tolerationSeconds":          "is of NoExecute, which evicts nobody here",
	"containers[].name":                        "tells which container counts",
	"containers[].ports[].name":                "ports are given by package launch",
	"containers[].ports[].containerPort":       "as their names",
	"containers[].ports[].protocol":            "as their names",
	"containers[].ports[].hostPort":            "as their names",
	"containers[].ports[].hostIP":              "as their names",
	"containers[].stdin":                       "nobody attaches",
	"containers[].stdinOnce":                   "nobody attaches",
	"containers[].tty":                         "nobody attaches",
	"containers[].terminationMessagePath":      "the log has it",
	"containers[].terminationMessagePolicy":    "the log has it",
	"securityContext.allowPrivilegeEscalation": "a replica may do what the agent's user may",

	"containers[].securityContext.allowPrivilegeEscalation":       "as its pod's",
	"containers[].env[].valueFrom.fieldRef.apiVersion":            "there is one version",
	"containers[].env[].valueFrom.resourceFieldRef.containerName": "a container is told of itself",
	"containers[].env[].valueFrom.resourceFieldRef.divisor":       "of what is not asked for there is none, in any unit",
}

// samples are values that are right for fields, by the end of their path. Others are "a", 1 and true.
var samples = map[string]any{
	"restartPolicy": "Always", "dnsPolicy": "Default", "imagePullPolicy": "Always", "preemptionPolicy": "Never", "protocol": "UDP",
	"terminationMessagePolicy": "File", "operator": "Exists", "tolerations[].key": "a", "effect": "NoExecute", "scheme": "HTTPS",
	"procMount": "Default", "fsGroupChangePolicy": "Always", "mountPropagation": "None", "ip": "10.0.0.1", "fieldPath": "metadata.name",
	"resource": "limits.cpu", "divisor": "1", "whenUnsatisfiable": "DoNotSchedule", "medium": "Memory", "sizeLimit": "1Gi", "port": "80",
	"hostPath.type": "Directory", "hostPath.path": "/a", "nfs.path": "/a", "type": "RuntimeDefault", "os.name": "linux",
	"nameservers[]": "10.0.0.1", "limits{}": "1", "requests{}": "1", "overhead{}": "1",
	"grpc.port": 1, "ports[].containerPort": 80, "containers[].name": "main", "supplementalGroups[]": 1, "volumeAttributes{}": "a",
}

// TestEveryFieldCounts sets each field of a pod's specification by itself. It must change what comes of the pod, be
// warned of, or be one of those that mean nothing, which are few.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	leaves(reflect.TypeFor[Spec](), nil, func(path []string) {
		name := spelt(path)
		if strings.HasPrefix(name, "initContainers") || strings.HasPrefix(name, "ephemeralContainers") {
			return // which are containers as well
		}
		for before := range meansNothing {
			if name == before {
				seen[name] = true
				return
			}
		}
		without, with := specOf(path, false), specOf(path, true)
		for n := len(path) - 1; n > 0 && reflect.DeepEqual(without, with); n-- {
			without = specOf(path[:n], false) // it is always there: compare with a pod that has nothing of the kind
		}
		before, _ := builtOf(t, without)
		after, p := builtOf(t, with)
		switch {
		case len(p.Warnings()) > 0:
		case p.Any():
			t.Errorf("%s: %v in %v", name, p.Err(), with)
		case proto.Equal(before, after):
			t.Errorf("%s is dropped without a word: %v", name, with)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(meansNothing)) {
		if !seen[name] {
			t.Errorf("%s is no field", name)
		}
	}
}

// leaves visits all fields that hold no others.
func leaves(t reflect.Type, path []string, visit func([]string)) {
	switch t.Kind() {
	case reflect.Pointer:
		leaves(t.Elem(), path, visit)
	case reflect.Slice:
		leaves(t.Elem(), append(path, "[]"), visit)
	case reflect.Map:
		leaves(t.Elem(), append(path, "{}"), visit)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Anonymous {
				leaves(f.Type, path, visit)
			} else {
				leaves(f.Type, append(slices.Clone(path), f.Tag.Get("json")), visit)
			}
		}
	default:
		visit(slices.Clone(path))
	}
}

func spelt(path []string) string {
	text := strings.Join(path, ".")
	return strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(text)
}

// specOf is a specification with a field set, or with all but the field that it needs.
func specOf(path []string, set bool) map[string]any {
	spec, _ := valueOf(reflect.TypeFor[Spec](), path, nil, set).(map[string]any)
	containers, _ := spec["containers"].([]any)
	if containers == nil {
		containers = []any{map[string]any{"name": "main", "image": "a"}}
	}
	main, _ := containers[0].(map[string]any)
	main["name"] = "main"
	if main["image"] == nil && spelt(path) != "containers[].image" {
		main["image"] = "a"
	}
	spec["containers"] = containers
	if path[0] == "volumes" {
		main["volumeMounts"] = []any{map[string]any{"name": "a", "mountPath": "/a"}}
	} else {
		spec["volumes"] = []any{map[string]any{"name": "a", "hostPath": map[string]any{"path": "/a"}}}
	}
	if path[0] == "containers" {
		spec["resourceClaims"] = []any{map[string]any{"name": "a", "resourceClaimName": "a"}}
	}
	return spec
}

// valueOf is a value of a type with what is at a path in it set, and what must be beside that.
func valueOf(t reflect.Type, path, at []string, set bool) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) == 0 && t.Kind() != reflect.Struct && t.Kind() != reflect.Slice && t.Kind() != reflect.Map {
		return sample(t, spelt(at))
	}
	rest := path
	if len(path) > 0 && (path[0] == "[]" || path[0] == "{}") {
		rest = path[1:]
	}
	switch t.Kind() {
	case reflect.Slice:
		return []any{valueOf(t.Elem(), rest, append(at, "[]"), set)}
	case reflect.Map:
		return map[string]any{"cpu": valueOf(t.Elem(), rest, append(at, "{}"), set)}
	}
	out := map[string]any{}
	fill(t, out, path, at, set)
	return out
}

func fill(t reflect.Type, out map[string]any, path, at []string, set bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("json")
		switch {
		case f.Anonymous:
			fill(f.Type, out, path, at, set)
		case len(path) > 0 && name == path[0] && (set || len(path) > 1):
			out[name] = valueOf(f.Type, path[1:], append(slices.Clone(at), name), set)
		case f.Tag.Get("needed") == "yes" && out[name] == nil:
			out[name] = valueOf(f.Type, nil, append(slices.Clone(at), name), set)
		}
	}
	for name, value := range beside(t) {
		if out[name] == nil && !slices.ContainsFunc(handlers, func(h string) bool { return out[h] != nil }) {
			out[name] = value
		}
	}
}

// handlers are fields of which an object has one.
var handlers = []string{"exec", "httpGet", "tcpSocket", "grpc", "sleep", "secretRef", "configMapRef", "resourceClaimName", "resourceClaimTemplateName", "fieldRef", "resourceFieldRef"}

// beside is what an object has to have beside its fields that are always needed.
func beside(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[Probe](), reflect.TypeFor[Handler]():
		return map[string]any{"exec": map[string]any{"command": []any{"a"}}}
	case reflect.TypeFor[KeyVolume]():
		return map[string]any{"name": "a", "secretName": "a"}
	case reflect.TypeFor[OptionalRef](), reflect.TypeFor[KeyRef]():
		return map[string]any{"name": "a"}
	case reflect.TypeFor[EnvFrom]():
		return map[string]any{"secretRef": map[string]any{"name": "a"}}
	case reflect.TypeFor[ResourceClaim]():
		return map[string]any{"resourceClaimName": "a"}
	case reflect.TypeFor[DownwardItem]():
		return map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.name"}}
	case reflect.TypeFor[Toleration]():
		return map[string]any{"key": "a", "effect": "NoExecute"}
	}
	return nil
}

// sample is a value for a field.
func sample(t reflect.Type, name string) any {
	parts := strings.Split(name, ".")
	for n := min(2, len(parts)); n > 0; n-- {
		if value, ok := samples[strings.Join(parts[len(parts)-n:], ".")]; ok {
			return value
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return true
	case reflect.Int32, reflect.Int64:
		return 1
	}
	return "a"
}

func builtOf(t *testing.T, spec map[string]any) (*gpuagentv1.Template, *field.Problems) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	return build(t, string(data))
}
