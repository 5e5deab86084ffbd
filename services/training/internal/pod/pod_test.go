package pod

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

func build(t *testing.T, text string) (*gpuagentv1.Template, *field.Problems) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	template, p := &Template{}, &field.Problems{}
	decode.Into(object, template, "t", p)
	return Build(template, "main", "t", Names{Pod: "pod", Namespace: "ns"}, p), p
}

func TestBuild(t *testing.T) {
	t.Parallel()
	got, p := build(t, `
spec:
  hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]
  initContainers:
  - {name: i, image: x, command: ["echo", "${HOME}"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: s, image: x, restartPolicy: Always, startupProbe: {httpGet: {port: web, path: /up}}, ports: [{name: web, containerPort: 80}]}
  containers:
  - {name: beside, image: b, imagePullPolicy: Never, resources: {limits: {memory: 1Mi}}, env: [{name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}
  - name: main
    image: z
    ports: [{containerPort: 7}]
    envFrom: [{prefix: P_, secretRef: {name: s, optional: true}}]
    livenessProbe: {tcpSocket: {port: 7}, periodSeconds: 3, failureThreshold: 2, terminationGracePeriodSeconds: 5}
    readinessProbe: {grpc: {port: 7, service: s}, successThreshold: 2, timeoutSeconds: 4}
    lifecycle: {preStop: {sleep: {seconds: 4}}}
    volumeMounts: [{name: v, mountPath: /w, readOnly: true}]
  volumes: [{name: v, hostPath: {path: /data, type: Directory}}]
`)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	want := &gpuagentv1.Template{}
	if err := protojson.Unmarshal([]byte(`{
		"image": "z", "expandVariables": true, "resources": {},
		"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}],
		"envFrom": [{"secret": "s", "prefix": "P_", "optional": true}],
		"livenessProbe": {"handler": {"tcp": {"port": "port-0"}}, "period": "3s", "failureThreshold": 2, "gracePeriod": "5s"},
		"readinessProbe": {"handler": {"grpc": {"port": "port-0", "service": "s"}}, "period": "10s", "timeout": "4s", "successThreshold": 2},
		"lifecycle": {"preStop": {"sleep": "4s"}},
		"volumes": [{"name": "v", "hostPath": {"path": "/data", "type": "Directory"}}],
		"mounts": [{"volume": "v", "path": "/w", "readOnly": true}, {"volume": "v", "path": "/v"}],
		"initContainers": [
			{"name": "i", "image": "x", "command": ["echo", "$${HOME}"]},
			{"name": "s", "image": "x", "restartPolicy": "RESTART_POLICY_ALWAYS", "startupProbe": {"handler": {"httpGet": {"port": "web", "path": "/up"}}}}
		],
		"companions": [{"name": "beside", "image": "b", "restartPolicy": "RESTART_POLICY_ON_FAILURE",
			"imagePullPolicy": "PULL_POLICY_NEVER", "resources": {"memoryBytes": "1048576", "memoryLimitBytes": "1048576"}, "env": [{"name": "ME", "value": "pod"}]}]
	}`), want); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", protojson.Format(got), protojson.Format(want))
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`livenessProbe: {httpGet: {port: nope}}`:                                   `livenessProbe.httpGet.port: Invalid value: "nope"`,
		`livenessProbe: {httpGet: {port: 1, scheme: FTP}}`:                         `livenessProbe.httpGet.scheme: Unsupported value: "FTP"`,
		`livenessProbe: {exec: {}}`:                                                `livenessProbe.exec.command: Required value`,
		`livenessProbe: {exec: {command: [a]}, successThreshold: 2}`:               `successThreshold: Invalid value: 2: must be 1`,
		`startupProbe: {exec: {command: [a]}, periodSeconds: -1}`:                  `startupProbe.periodSeconds: Invalid value: -1`,
		`readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 1}`: `readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set`,
		`readinessProbe: {exec: {command: [a]}, successThreshold: -1}`:             `readinessProbe.successThreshold: Invalid value: -1`,
		`startupProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 0}`:   `startupProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`,
		`startupProbe: {}`: `startupProbe: Required value: must specify a handler type`,
		`lifecycle: {preStop: {sleep: {seconds: 1}, exec: {}}}`:      `lifecycle.preStop: Forbidden: may not specify more than 1 handler type`,
		`restartPolicy: Sometimes`:                                   `restartPolicy: Unsupported value: "Sometimes"`,
		`envFrom: [{secretRef: {name: ""}}]`:                         `envFrom[0].secretRef.name: Required value`,
		`envFrom: [{secretRef: {name: a}, configMapRef: {name: b}}]`: `envFrom[0]: Invalid value`,
		`volumeMounts: [{name: none, mountPath: /x}]`:                `volumeMounts[0].name: Not found: "none"`,
		`volumeMounts: [{name: h, mountPath: /x}]`:                   `volumes[0].hostPath.path: Invalid value: "data"`,
		`volumeMounts: [{name: k, mountPath: /x}]`:                   `volumes[1].hostPath.type: Unsupported value: "Pipe"`,
	} {
		_, p := build(t, `{spec: {volumes: [{name: h, hostPath: {path: data}}, {name: k, hostPath: {path: /d, type: Pipe}}], containers: [{name: main, image: x, `+text+`}]}}`)
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
