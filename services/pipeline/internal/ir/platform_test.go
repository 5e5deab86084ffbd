package ir

import (
	"strings"
	"testing"
)

// platformSpec is a pipeline of one step, and what its platform spec says.
func platformSpec(kubernetes string) []byte {
	return []byte(`
pipelineInfo: {name: p}
schemaVersion: 2.1.0
components: {comp-step: {executorLabel: exec-step}}
deploymentSpec: {executors: {exec-step: {container: {image: alpine, command: [echo]}}}}
root: {dag: {tasks: {step: {componentRef: {name: comp-step}, taskInfo: {name: step}}}}}
---
platforms: {kubernetes: ` + kubernetes + "}\n")
}

func TestWantsWorkspace(t *testing.T) {
	for kubernetes, want := range map[string]bool{
		"": false, "{}": false, "{pipelineConfig: {}}": false, "{pipelineConfig: {workspace: {size: 1Gi}}}": true,
	} {
		spec, err := Parse(platformSpec(kubernetes))
		if err != nil || spec.WantsWorkspace() != want {
			t.Errorf("%q: got %v, %v; want %v", kubernetes, spec.WantsWorkspace(), err, want)
		}
	}
}

func TestPlatformRefuses(t *testing.T) {
	for pod, want := range map[string]string{
		"{activeDeadlineSeconds: soon}":              "activeDeadlineSeconds",
		"{secretAsEnv: {optional: true}}":            "secretAsEnv",
		"{podMetadata: {labels: {tier: [a, list]}}}": "podMetadata.labels.tier",
	} {
		_, err := Parse(platformSpec("{deploymentSpec: {executors: {exec-step: " + pod + "}}}"))
		if err == nil || !strings.Contains(err.Error(), "exec-step."+want) {
			t.Errorf("%s: got %v, want a refusal of %s", pod, err, want)
		}
	}
}
