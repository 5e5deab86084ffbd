package engine_test

import (
	"strings"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// limited is a pipeline of one step whose runs may take a second.
const limited = `
pipelineInfo: {name: limited}
schemaVersion: 2.1.0
components: {comp-step: {executorLabel: exec-step}}
deploymentSpec: {executors: {exec-step: {container: {image: alpine, command: ["true"]}}}}
root: {dag: {tasks: {step: {componentRef: {name: comp-step}}}}}
---
platforms: {kubernetes: {pipelineConfig: {activeDeadlineSeconds: 1}}}
`

func TestARunThatTakesTooLongIsStopped(t *testing.T) {
	for name, crash := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			id := w.create(limited, nil)
			w.workload("step")
			if crash {
				w.stop()
				w.start()
			}
			run := w.archived(id)
			if got := run.GetState().GetRun(); got.GetState() != pipelinev1.RuntimeState_FAILED || !strings.Contains(got.GetError().GetMessage(), "longer than the 1s") {
				t.Errorf("it ended %v: %v", got.GetState(), got.GetError())
			}
			if got := tasks(run)["step"]; got != pipelinev1.RuntimeState_CANCELED {
				t.Errorf("its step ended %v", got)
			}
		})
	}
}

func TestARunThatEndsInTimeIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.create(limited, nil)
	w.agent.end(w.workload("step"), succeeded(nil))
	if got := w.archived(id).GetState().GetRun().GetState(); got != pipelinev1.RuntimeState_SUCCEEDED {
		t.Errorf("it ended %v", got)
	}
}
