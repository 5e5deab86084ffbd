package object

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// usual is the preemption policy that a class has without saying so.
const usual = "PreemptLowerPriority"

// ReadPriorityClass reads a PriorityClass, or Kueue's WorkloadPriorityClass.
func ReadPriorityClass(manifest []byte) (*gpuagentv1.PriorityClass, []string, error) {
	var from struct {
		head
		Value            *int32 `json:"value"`
		Description      string `json:"description"`
		GlobalDefault    bool   `json:"globalDefault"`
		PreemptionPolicy string `json:"preemptionPolicy"`
	}
	warnings, err := read(manifest, "PriorityClass", &from)
	if err != nil {
		return nil, nil, err
	}
	if from.Value == nil {
		return nil, nil, fault.Invalidf("value", "Required value: give a number, the higher the earlier")
	}
	if from.GlobalDefault {
		warnings = append(warnings, "globalDefault has no effect here: kfmesh queue update --default-priority gives one to a queue")
	}
	if from.PreemptionPolicy != "" && from.PreemptionPolicy != usual {
		warnings = append(warnings, "preemptionPolicy has no effect here: kfmesh queue update --preempt never keeps a queue from it")
	}
	return &gpuagentv1.PriorityClass{Metadata: from.Metadata.resource(), Value: *from.Value, Description: from.Description}, warnings, nil
}

// PriorityClass writes a priority class.
func PriorityClass(c *gpuagentv1.PriorityClass) map[string]any {
	out := map[string]any{
		"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": Metadata(c.GetMetadata()),
		"value": c.GetValue(), "preemptionPolicy": usual,
	}
	if text := c.GetDescription(); text != "" {
		out["description"] = text
	}
	return out
}
