package registry

import (
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// stages are how MLflow spells the stages, and how they are stored, by number.
var stages = []string{"", "None", "Staging", "Production", "Archived"}

// StageName is MLflow's spelling of a stage.
func StageName(stage metadatav1.ModelStage) string {
	if stage < 0 || int(stage) >= len(stages) {
		return ""
	}
	return stages[stage]
}

// ParseStage reads a stage in any case.
func ParseStage(text string) (metadatav1.ModelStage, error) {
	n := slices.IndexFunc(stages[1:], func(stage string) bool { return strings.EqualFold(stage, text) })
	if n < 0 {
		return 0, invalid("Invalid Model Version stage: %s. Value must be one of %s.", text, strings.Join(stages[1:], ", "))
	}
	return metadatav1.ModelStage(n + 1), nil //nolint:gosec // there are four
}

// mayReplace reports whether versions that come to a stage may put away those
// that are there.
func mayReplace(stage metadatav1.ModelStage) bool {
	return stage == metadatav1.ModelStage_MODEL_STAGE_STAGING || stage == metadatav1.ModelStage_MODEL_STAGE_PRODUCTION
}

func storedStage(stored string) metadatav1.ModelStage {
	stage, _ := ParseStage(stored) // only stages are stored
	return stage
}

const statePrefix = "MODEL_STATE_"

// stateText is how a state is stored: as Kubeflow spells it. Unset means live.
func stateText(state metadatav1.ModelState) string {
	if state == metadatav1.ModelState_MODEL_STATE_UNSPECIFIED {
		state = metadatav1.ModelState_MODEL_STATE_LIVE
	}
	return strings.TrimPrefix(state.String(), statePrefix)
}

func storedState(stored string) metadatav1.ModelState {
	return metadatav1.ModelState(metadatav1.ModelState_value[statePrefix+stored])
}
