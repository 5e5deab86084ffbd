package launch

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// podRequest is a request whose platform spec says this of the step's pod. Its
// DAG has the input parameters that the values name; any other has no value.
func podRequest(t *testing.T, pod string, values map[string]any) Request {
	t.Helper()
	req := request(t, "comp-step", map[string]any{"count": 1.0})
	spec, err := ir.Parse([]byte(pipeline + "\n---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: " + pod + "}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	req.Spec, req.Run.Namespace = spec, "team"
	req.Pod, err = spec.Pod("exec-step").Bind(func(in ir.ParameterInput) (any, error) {
		if in.ComponentInputParameter != "" {
			return values[in.ComponentInputParameter], nil
		}
		if from := in.TaskOutputParameter; from != nil {
			return values[from.ProducerTask+"."+from.OutputParameterKey], nil
		}
		return in.Value(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// template is what a pod adds, as a template, to compare it with JSON.
func template(p Pod) *gpuagentv1.Template {
	return &gpuagentv1.Template{
		Env: p.Env, Volumes: p.Volumes, Mounts: p.Mounts, NodeSelector: p.NodeSelector,
		ImagePullPolicy: p.PullPolicy, ImagePullSecrets: p.PullSecrets, SecurityContext: p.SecurityContext,
		Tolerations: p.Tolerations,
	}
}

func TestPod(t *testing.T) {
	values := map[string]any{"name": "from-a-parameter", "labels": map[string]any{"disk": "ssd"}}
	tests := map[string]struct{ pod, want string }{
		"nothing": {"{}", "{}"},
		"secret as variables": {
			"{secretAsEnv: [{secretName: older, keyToEnv: [{secretKey: k, envVar: V}, {secretKey: l, envVar: W}]}]}",
			`{"env": [{"name": "V", "valueFrom": {"secret": {"name": "older", "key": "k"}}},
			          {"name": "W", "valueFrom": {"secret": {"name": "older", "key": "l"}}}]}`,
		},
		"config map as a variable, its name from a parameter": {
			"{configMapAsEnv: [{configMapName: older, configMapNameParameter: {componentInputParameter: name}, optional: true, keyToEnv: [{configMapKey: k, envVar: V}]}]}",
			`{"env": [{"name": "V", "valueFrom": {"configMap": {"name": "from-a-parameter", "key": "k", "optional": true}}}]}`,
		},
		"fields": {
			"{fieldPathAsEnv: [{name: IP, fieldPath: status.podIP}]}",
			`{"env": [{"name": "IP", "valueFrom": {"fieldPath": "status.podIP"}}]}`,
		},
		"secret and config map as files": {
			"{secretAsVolume: [{secretNameParameter: {runtimeValue: {constant: s}}, mountPath: /a, optional: true}], configMapAsVolume: [{configMapName: c, mountPath: /b}]}",
			`{"volumes": [{"name": "secret-0", "secret": {"name": "s", "optional": true}}, {"name": "config-map-0", "configMap": {"name": "c"}}],
			  "mounts": [{"volume": "secret-0", "path": "/a", "readOnly": true}, {"volume": "config-map-0", "path": "/b", "readOnly": true}]}`,
		},
		"claims": {
			"{pvcMount: [{constant: one, mountPath: /a, subPath: x/y}, {componentInputParameter: name, mountPath: /b}]}",
			`{"volumes": [{"name": "claim-0", "claim": "one"}, {"name": "claim-1", "claim": "from-a-parameter"}],
			  "mounts": [{"volume": "claim-0", "path": "/a", "subPath": "x/y"}, {"volume": "claim-1", "path": "/b"}]}`,
		},
		"directories that go with the step": {
			"{emptyDirMounts: [{volumeName: v, mountPath: /e, medium: Memory, sizeLimit: 1Mi}], genericEphemeralVolume: [{volumeName: g, mountPath: /g, size: 1Ki}], enabledSharedMemory: {volumeName: shm, size: 2Ki}}",
			`{"volumes": [{"name": "empty-dir-0", "emptyDir": {"inMemory": true, "sizeLimitBytes": "1048576"}},
			              {"name": "ephemeral-0", "emptyDir": {"sizeLimitBytes": "1024"}},
			              {"name": "shared-memory", "emptyDir": {"inMemory": true, "sizeLimitBytes": "2048"}}],
			  "mounts": [{"volume": "empty-dir-0", "path": "/e"}, {"volume": "ephemeral-0", "path": "/g"}, {"volume": "shared-memory", "path": "/dev/shm"}]}`,
		},
		"labels of the node":         {"{nodeSelector: {labels: {gpu: a}}}", `{"nodeSelector": {"gpu": "a"}}`},
		"labels as JSON win":         {"{nodeSelector: {labels: {gpu: a}, nodeSelectorJson: {componentInputParameter: labels}}}", `{"nodeSelector": {"disk": "ssd"}}`},
		"labels from no parameter":   {"{nodeSelector: {nodeSelectorJson: {componentInputParameter: none}}}", "{}"},
		"image":                      {"{imagePullPolicy: Always, imagePullSecret: [{secretName: r}, {secretNameParameter: {componentInputParameter: none}}]}", `{"imagePullPolicy": "PULL_POLICY_ALWAYS", "imagePullSecrets": ["r"]}`},
		"user":                       {`{securityContext: {runAsUser: "0", runAsGroup: 7, runAsNonRoot: true}}`, `{"securityContext": {"runAsUser": "0", "runAsGroup": "7", "runAsNonRoot": true}}`},
		"optional, and named by nil": {"{secretAsVolume: [{optional: true, mountPath: /s, secretNameParameter: {componentInputParameter: none}}]}", "{}"},
		"labels that affinity requires": {
			"{nodeSelector: {labels: {a: b}}, nodeAffinity: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}, {key: a, operator: In, values: [b]}]}]}",
			`{"nodeSelector": {"a": "b", "disk": "ssd"}}`,
		},
		"labels that affinity requires as JSON": {
			"{nodeAffinity: [{nodeAffinityJson: {runtimeValue: {constant: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]}}}}}]}",
			`{"nodeSelector": {"disk": "ssd"}}`,
		},
		"affinity from no parameter": {"{nodeAffinity: [{nodeAffinityJson: {componentInputParameter: none}}]}", "{}"},
		"tolerations": {
			"{tolerations: [{key: gpu, operator: Exists}, {key: team, value: a, effect: NoSchedule}, {tolerationJson: {runtimeValue: {constant: [{key: b}, {operator: Exists}]}}}, {tolerationJson: {componentInputParameter: none}}]}",
			`{"tolerations": [{"key": "gpu", "operator": "TOLERATION_OPERATOR_EXISTS"}, {"key": "team", "value": "a", "effect": "NoSchedule"},
			  {"key": "b"}, {"operator": "TOLERATION_OPERATOR_EXISTS"}]}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Build(podRequest(t, tt.pod, values))
			if err != nil {
				t.Fatal(err)
			}
			want := &gpuagentv1.Template{}
			if err := protojson.Unmarshal([]byte(tt.want), want); err != nil {
				t.Fatal(err)
			}
			if got := template(l.Pod); !proto.Equal(got, want) {
				t.Errorf("the pod became\n%s\nwant\n%s", protojson.Format(got), protojson.Format(want))
			}
			if len(l.Pod.Warnings) != 0 {
				t.Errorf("warned: %q", l.Pod.Warnings)
			}
		})
	}
}

func TestPodMetadata(t *testing.T) {
	l, err := Build(podRequest(t, "{podMetadata: {labels: {tier: gold}, annotations: {a.example/note: some text}}}", nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"tier": "gold", "pipeline/runid": "r1"}; !maps.Equal(l.Pod.Labels, want) {
		t.Errorf("the labels are %v, want %v", l.Pod.Labels, want)
	}
	if want := map[string]string{"a.example/note": "some text"}; !maps.Equal(l.Pod.Annotations, want) {
		t.Errorf("the annotations are %v, want %v", l.Pod.Annotations, want)
	}
}

func TestPodSchedule(t *testing.T) {
	l, err := Build(podRequest(t, `{podMetadata: {labels: {kueue.x-k8s.io/queue-name: q, kueue.x-k8s.io/priority-class: low},
		annotations: {kfmesh.dev/priority: "5", kfmesh.dev/priority-class: high, kfmesh.dev/when-unsatisfiable: fail}}}`, nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Schedule{Queue: "q", PriorityClass: "high", Priority: 5, FailWhenUnsatisfiable: true}); l.Pod.Schedule != want {
		t.Errorf("the step is placed by %+v, want %+v", l.Pod.Schedule, want)
	}
	for _, wrong := range []string{
		"podMetadata: {annotations: {kfmesh.dev/priority: high}}", "podMetadata: {annotations: {kfmesh.dev/when-unsatisfiable: die}}",
		"tolerations: [{operator: Equal}]", "tolerations: [{key: a, operator: In}]", "tolerations: [{tolerationJson: {runtimeValue: {constant: [1]}}}]",
	} {
		if _, err := Build(podRequest(t, "{"+wrong+"}", nil)); err == nil {
			t.Errorf("{%s} is accepted", wrong)
		}
	}
}

func TestPodDeadline(t *testing.T) {
	for given, want := range map[string]time.Duration{
		"30": 30 * time.Second, `"90"`: 90 * time.Second, "0": 0, "-1": 0,
		"1000000000000000": time.Duration(mostSeconds) * time.Second,
	} {
		l, err := Build(podRequest(t, "{activeDeadlineSeconds: "+given+"}", nil))
		if err != nil || l.Pod.Deadline != want {
			t.Errorf("%s s: the deadline is %v, %v; want %v", given, l.Pod.Deadline, err, want)
		}
	}
}

func TestPodWarns(t *testing.T) {
	for pod, want := range map[string]string{
		"{nodeAffinity: [{matchExpressions: [{key: a, operator: Exists}]}]}":                                                                     "nodeAffinity was ignored",
		"{nodeAffinity: [{matchExpressions: [{key: a, operator: In, values: [b, c]}]}]}":                                                         "nodeAffinity was ignored",
		"{nodeAffinity: [{matchFields: [{key: metadata.name, operator: In, values: [n]}]}]}":                                                     "nodeAffinity was ignored",
		"{nodeAffinity: [{weight: 3, matchExpressions: [{key: a, operator: In, values: [b]}]}]}":                                                 "what it prefers was ignored",
		"{nodeAffinity: [{matchExpressions: [{key: a, operator: In, values: [b]}]}, {matchExpressions: [{key: c, operator: In, values: [d]}]}]}": "nodeAffinity was ignored",
		"{genericEphemeralVolume: [{mountPath: /e, size: 1, metadata: {labels: {a: b}}}]}":                                                       "labels and annotations",

		"{podAffinity: [{topologyKey: a}]}":                                                       "podAffinity",
		"{podResourceClaims: [{resourceClaimTemplateName: a}]}":                                   "podResourceClaims",
		"{emptyDirMounts: [{mountPath: /e, medium: HugePages}]}":                                  "HugePages",
		"{genericEphemeralVolume: [{mountPath: /e, size: 1, storageClassName: fast}]}":            `"fast"`,
		"{secretAsEnv: [{secretNameParameter: {componentInputParameter: none}, keyToEnv: [{}]}]}": "secretAsEnv[0] was left out",

		"{somethingNew: [1]}": "somethingNew is not known",
	} {
		l, err := Build(podRequest(t, pod, nil))
		if err != nil || len(l.Pod.Warnings) != 1 || !strings.Contains(l.Pod.Warnings[0], want) {
			t.Errorf("%s: warned %q, %v; want a warning with %q", pod, l.Pod.Warnings, err, want)
		}
	}
}

func TestPodRefuses(t *testing.T) {
	values := map[string]any{"number": 3.0, "empty": ""}
	for pod, want := range map[string]string{
		"{secretAsEnv: [{keyToEnv: [{secretKey: a, envVar: B}]}]}":                                    "secretAsEnv[0]: it names nothing",
		"{secretAsEnv: [{secretName: s, keyToEnv: [{secretKey: a}]}]}":                                `the key "a" and the variable ""`,
		"{secretAsVolume: [{mountPath: /a, secretNameParameter: {componentInputParameter: number}}]}": "its name is 3",
		"{secretAsVolume: [{mountPath: /a, secretNameParameter: {componentInputParameter: empty}}]}":  "its name is empty",
		"{configMapAsVolume: [{configMapName: c, mountPath: relative}]}":                              `"relative"`,
		"{pvcMount: [{mountPath: /data, constant: a}, {mountPath: /data/, constant: b}]}":             `mounted at "/data/" already`,
		"{pvcMount: [{mountPath: /data}]}":                                                            "pvcMount[0]: it names nothing",
		"{emptyDirMounts: [{mountPath: /}]}":                                                          "an absolute path below /",
		"{emptyDirMounts: [{mountPath: /e, sizeLimit: many}]}":                                        `emptyDirMounts[0]: "many" is not an amount`,
		"{initContainers: [{name: prepare}]}":                                                         `the init container "prepare"`,
		"{imagePullPolicy: Sometimes}":                                                                `"Sometimes" is none of`,
		"{fieldPathAsEnv: [{name: IP}]}":                                                              "fieldPathAsEnv[0]",
		"{nodeSelector: {nodeSelectorJson: {componentInputParameter: number}}}":                       "it must be a mapping",
		"{nodeSelector: {nodeSelectorJson: {runtimeValue: {constant: {a: 1}}}}}":                      `the label "a" is 1`,
		"{secretAsVolume: [{mountPath: /a, secretName: \"{{$.inputs.parameters['nobody']}}\"}]}":      `no input parameter "nobody"`,
	} {
		_, err := Build(podRequest(t, pod, values))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a refusal with %q", pod, err, want)
		}
	}
}

func TestClaimsOfAPod(t *testing.T) {
	req := podRequest(t, "{pvcMount: [{mountPath: /b, constant: two}, {mountPath: /a, componentInputParameter: one}]}", map[string]any{"one": "one"})
	if got := req.Pod.Claims(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("it mounts %q", got)
	}
	if unbound := req.Spec.Pod("exec-step"); unbound.PVCMount[1].PVCNameParameter != nil || !reflect.DeepEqual(unbound.Claims(), []string(nil)) {
		t.Errorf("binding changed the spec: %+v", unbound.PVCMount)
	}
}
