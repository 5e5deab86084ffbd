package pod

import (
	"strings"
	"testing"
)

// TestWhatKubernetesRefuses has one thing wrong each: what an API server would refuse when pods are made.
func TestWhatKubernetesRefuses(t *testing.T) {
	t.Parallel()
	const long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, tt := range map[string]struct{ meta, spec, container, want string }{
		"a label":              {meta: "labels: {a: 'b c'}", want: `t.metadata.labels: Invalid value: "b c": a valid label must be`},
		"an annotation":        {meta: "annotations: {'b c': d}", want: `t.metadata.annotations: Invalid value: "b c": name part must consist of`},
		"a selector":           {spec: "nodeSelector: {a: " + long + "}", want: "t.spec.nodeSelector: Invalid value"},
		"an account":           {spec: "serviceAccountName: -a", want: "t.spec.serviceAccountName: Invalid value"},
		"a class":              {spec: "priorityClassName: A", want: "t.spec.priorityClassName: Invalid value"},
		"a policy of DNS":      {spec: "dnsPolicy: Some", want: "t.spec.dnsPolicy: Unsupported value"},
		"DNS of its own":       {spec: "dnsPolicy: None", want: "t.spec.dnsConfig: Required value"},
		"grace":                {spec: "terminationGracePeriodSeconds: -1", want: "t.spec.terminationGracePeriodSeconds: Invalid value: -1"},
		"a deadline":           {spec: "activeDeadlineSeconds: 0", want: "t.spec.activeDeadlineSeconds: Invalid value: 0"},
		"a user":               {spec: "securityContext: {runAsUser: -1}", want: "t.spec.securityContext.runAsUser: Invalid value: -1"},
		"a setting twice":      {spec: "securityContext: {sysctls: [{name: a, value: b}, {name: a, value: c}]}", want: "sysctls[1].name: Duplicate value"},
		"a name of a volume":   {spec: "volumes: [{name: A, emptyDir: {}}]", want: "t.spec.volumes[0].name: Invalid value"},
		"two sources":          {spec: "volumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}]", want: "t.spec.volumes[0]: Forbidden: may not specify more than 1 volume type"},
		"a volume twice":       {spec: "volumes: [{name: a}, {name: a}]", want: `t.spec.volumes[1]: Duplicate value: {"name":"a"}`},
		"a way back":           {spec: "volumes: [{name: a, hostPath: {path: /a/../b}}]", want: "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"},
		"a secret of no name":  {spec: "volumes: [{name: a, secret: {}}]", want: "secret.secretName: Required value"},
		"a key's path":         {spec: "volumes: [{name: a, configMap: {name: c, items: [{key: k, path: /p}]}}]", want: "items[0].path: Invalid value: \"/p\": must be a relative path"},
		"a mode":               {spec: "volumes: [{name: a, secret: {secretName: c, defaultMode: 1000}}]", want: "defaultMode: Invalid value: 1000"},
		"seconds of any taint": {spec: "tolerations: [{key: a, tolerationSeconds: 1}]", want: "tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute'"},
		"a taint's key":        {spec: "tolerations: [{key: 'a b'}]", want: "tolerations[0].key: Invalid value"},
		"a host's name":        {spec: "hostAliases: [{ip: 10.0.0.1, hostnames: [A]}]", want: "hostAliases[0].hostnames[0]: Invalid value"},
		"an address twice":     {spec: "hostAliases: [{ip: 10.0.0.1}, {ip: 10.0.0.1}]", want: "hostAliases[1]: Duplicate value"},
		"affinity to nothing":  {spec: "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}", want: "nodeSelectorTerms: Required value"},
		"an operator":          {spec: "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Is}]}]}}}", want: `operator: Invalid value: "Is": not a valid selector operator`},
		"a name":               {spec: "initContainers: [{name: A, image: a}]", want: "t.spec.initContainers[0].name: Invalid value"},
		"a name twice":         {spec: "initContainers: [{name: main, image: a}]", want: `t.spec.initContainers[0].name: Duplicate value: "main"`},
		"no image":             {spec: "initContainers: [{name: a}]", want: "t.spec.initContainers[0].image: Required value"},
		"a variable":           {container: "env: [{name: 'a=b'}]", want: "containers[0].env[0].name: Invalid value"},
		"a variable twice":     {container: "env: [{name: a}, {name: a}]", want: `containers[0].env[1]: Duplicate value: {"name":"a"}`},
		"two sources of one":   {container: "env: [{name: a, valueFrom: {secretKeyRef: {name: a, key: b}, fieldRef: {fieldPath: metadata.name}}}]", want: "valueFrom: Invalid value: \"\": may not have more than one field"},
		"a key":                {container: "env: [{name: a, valueFrom: {secretKeyRef: {name: a, key: b c}}}]", want: "secretKeyRef.key: Invalid value"},
		"a resource's field":   {container: "env: [{name: a, valueFrom: {resourceFieldRef: {resource: cpu}}}]", want: "resourceFieldRef.resource: Unsupported value"},
		"a divisor":            {container: "env: [{name: a, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 2}}}]", want: "resourceFieldRef.divisor: Invalid value"},
		"a prefix":             {container: "envFrom: [{prefix: '=', secretRef: {name: a}}]", want: "envFrom[0].prefix: Invalid value"},
		"a port":               {container: "ports: [{containerPort: 70000}]", want: "ports[0].containerPort: Invalid value: 70000"},
		"a port's name":        {container: "ports: [{containerPort: 1, name: much-longer-than-names-are}]", want: "ports[0].name: Invalid value"},
		"a port's name twice":  {container: "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]", want: `ports[1].name: Duplicate value: "a"`},
		"a protocol":           {container: "ports: [{containerPort: 1, protocol: HTTP}]", want: "ports[0].protocol: Unsupported value"},
		"a resource":           {container: "resources: {limits: {gpus: 1}}", want: `limits[gpus]: Invalid value: "gpus": must be a standard resource for containers`},
		"a fraction of a GPU":  {container: "resources: {limits: {nvidia.com/gpu: 500m}}", want: `limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer`},
		"GPUs without a limit": {container: "resources: {requests: {nvidia.com/gpu: 1}}", want: "resources.limits: Required value: Limit must be set for non overcommitable resources"},
		"fewer than the limit": {container: "resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}", want: "must be equal to nvidia.com/gpu limit of 2"},
		"a negative amount":    {container: "resources: {limits: {cpu: -1}}", want: "limits[cpu]: Invalid value"},
		"a sleep":              {spec: "terminationGracePeriodSeconds: 1", container: "lifecycle: {preStop: {sleep: {seconds: 2}}}", want: "preStop.sleep: Invalid value: 2: must be non-negative"},
		"a header":             {container: "livenessProbe: {httpGet: {port: 1, httpHeaders: [{name: a b, value: c}]}}", want: `httpGet.httpHeaders: Invalid value: "a b"`},
		"grace of readiness":   {container: "readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 1}", want: "readinessProbe.terminationGracePeriodSeconds: Invalid value"},
		"a sub path":           {spec: "volumes: [{name: a}]", container: "volumeMounts: [{name: a, mountPath: /a, subPath: ../b}]", want: "subPath: Invalid value: \"../b\": must not contain '..'"},
		"a mount twice":        {spec: "volumes: [{name: a}]", container: "volumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /a}]", want: `volumeMounts[1]: Duplicate value: {"mountPath":"/a"}`},
		"a device":             {container: "resources: {claims: [{name: a}]}", want: `claims[0].name: Not found: "a"`},
	} {
		text := "{metadata: {" + tt.meta + "}, spec: {" + tt.spec + and(tt.spec) + "containers: [{name: main, image: x" + and(tt.container) + tt.container + "}]}}"
		_, p := build(t, text)
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// TestWhatKubernetesTakes has what is odd and right.
func TestWhatKubernetesTakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ spec, container string }{
		{"volumes: [{name: a}]", "volumeMounts: [{name: a, mountPath: relative}]"},
		{"imagePullSecrets: [{}]", ""},
		{"", "ports: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]"},
		{"", "env: [{name: 'any.thing at-all'}]"},
		{"", "resources: {requests: {cpu: 1}, limits: {cpu: 1.5e3, kubernetes.io/odd: 1}}"},
		{"tolerations: [{operator: Exists}]", ""},
		{"initContainers: [{name: a, image: b, restartPolicy: Never}]", "restartPolicy: Always"},
	} {
		text := "{spec: {" + tt.spec + and(tt.spec) + "containers: [{name: main, image: x" + and(tt.container) + tt.container + "}]}}"
		if _, p := build(t, text); p.Any() {
			t.Errorf("%s, %s: %v", tt.spec, tt.container, p.Err())
		}
	}
}

// and goes before or after an entry of a mapping.
func and(text string) string {
	if text == "" {
		return ""
	}
	return ", "
}
