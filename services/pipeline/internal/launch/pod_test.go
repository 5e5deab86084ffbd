package launch

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// podRequest is a request whose platform spec says this of the step's pod.
func podRequest(t *testing.T, pod string) Request {
	t.Helper()
	req := request(t, "comp-step", map[string]any{"count": 1.0})
	spec, err := ir.Parse([]byte(pipeline + "\n---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: " + pod + "}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	req.Spec, req.Run.Namespace = spec, "team"
	return req
}

func TestPodFields(t *testing.T) {
	l, err := Build(podRequest(t, `{
		podMetadata: {labels: {tier: gold, "it's": odd}, annotations: {a.example/note: some text}},
		fieldPathAsEnv: [
			{name: TIER, fieldPath: "metadata.labels['tier']"},
			{name: ODD, fieldPath: "metadata.labels['it's']"},
			{name: NOTE, fieldPath: "metadata.annotations['a.example/note']"},
			{name: NONE, fieldPath: "metadata.annotations['tier']"},
			{name: RUN, fieldPath: "metadata.labels['pipeline/runid']"},
			{name: SPACE, fieldPath: metadata.namespace},
			{name: UID, fieldPath: metadata.uid}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []ir.EnvVar{
		{Name: "WHO", Value: "step"},
		{Name: "TIER", Value: "gold"},
		{Name: "ODD", Value: "odd"},
		{Name: "NOTE", Value: "some text"},
		{Name: "NONE", Value: ""},
		{Name: "RUN", Value: "r1"},
		{Name: "SPACE", Value: "team"},
		{Name: "UID", Value: "t1"},
	}
	if !reflect.DeepEqual(l.Env, want) {
		t.Errorf("the environment is %v, want %v", l.Env, want)
	}
}

func TestPodDeadline(t *testing.T) {
	for given, want := range map[string]time.Duration{
		"30": 30 * time.Second, `"90"`: 90 * time.Second, "0": 0, "-1": 0,
		"1000000000000000": time.Duration(mostSeconds) * time.Second,
	} {
		l, err := Build(podRequest(t, "{activeDeadlineSeconds: "+given+"}"))
		if err != nil || l.Deadline != want {
			t.Errorf("%s s: the deadline is %v, %v; want %v", given, l.Deadline, err, want)
		}
	}
}

func TestPodWithoutWhatIsOptional(t *testing.T) {
	for _, pod := range []string{
		"{}",
		"{secretAsEnv: [{optional: true, secretNameParameter: {componentInputParameter: name}}]}",
		"{secretAsVolume: [{optional: true, mountPath: /mnt/s}], configMapAsVolume: [{optional: true, mountPath: /mnt/c}]}",
		"{emptyDirMounts: [{mountPath: /dev/shm, medium: Memory}]}",
		"{tolerations: [{key: gpu, operator: Exists}], nodeSelector: {labels: {a: b}}, imagePullPolicy: Always}",
	} {
		if _, err := Build(podRequest(t, pod)); err != nil {
			t.Errorf("%s: %v", pod, err)
		}
	}
}

func TestPodRefuses(t *testing.T) {
	for pod, want := range map[string]string{
		"{secretAsEnv: [{secretName: s}]}":                                     "a secret in its environment",
		"{secretAsVolume: [{optional: true, mountPath: /a}, {mountPath: /b}]}": "a secret at /b",
		"{configMapAsEnv: [{configMapName: c, optional: false}]}":              "a config map in its environment",
		"{configMapAsVolume: [{mountPath: /c}]}":                               "a config map at /c",
		"{pvcMount: [{mountPath: /data, constant: claim}]}":                    "a volume at /data",
		"{emptyDirMounts: [{mountPath: /scratch}]}":                            "a volume at /scratch",
		"{genericEphemeralVolume: [{mountPath: /e}]}":                          "a volume at /e",
		"{initContainers: [{name: prepare}]}":                                  "the init container prepare",
		"{fieldPathAsEnv: [{name: IP, fieldPath: status.podIP}]}":              `"status.podIP"`,
	} {
		_, err := Build(podRequest(t, pod))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a refusal with %q", pod, err, want)
		}
	}
}
