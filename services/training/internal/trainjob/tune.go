package trainjob

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// tuneRun is the command of a job that torchtune trains.
var tuneRun = []string{"tune", "run"}

// tuneModels are the models that there are recipes for.
var tuneModels = []string{"llama3_2/1B", "llama3_2/3B", "llama3_2/7B", "llama3_3/70B", "qwen2_5/1.5B"}

// tuneFixed are settings that are the runtime's, not the job's, to say.
var tuneFixed = []string{"output_dir", "tokenizer.path", "tokenizer.merges_file", "checkpointer.checkpoint_dir"}

// manyNodes is the one model that torchtune trains on several nodes.
const manyNodes = "llama3_3/70B"

// checkTune completes the command of a job that says no more than "tune run": the recipe
// and its configuration follow from the runtime's name and the number of processes.
func (b *builder) checkTune() {
	t := b.spec.Trainer
	if b.runtime.MLPolicy.rendezvous() != kind.Torchrun || t == nil || !slices.Equal(t.Command, tuneRun) {
		return
	}
	model, nodes := tuneModel(b.spec.RuntimeRef.Name), b.job.Group(b.job.Trainer.Group).Count
	if !slices.Contains(tuneModels, model) {
		b.problems.Invalid("spec.runtimeRef.name", b.spec.RuntimeRef.Name,
			fmt.Sprintf("must have a supported pretrained model, invalid model configured: %s; there are %s", model, strings.Join(tuneModels, ", ")))
		return
	}
	if nodes > 1 && model != manyNodes {
		b.problems.Invalid("spec.trainer.numNodes", nodes, "must be 1 for "+model+" model")
		return
	}
	recipe, suffix := "full_finetune_distributed", "_full"
	switch {
	case nodes > 1:
		suffix = "_full_multinode"
	case b.job.Trainer.ProcessesPerNode == "1":
		recipe, suffix = "full_finetune_single_device", "_full_single_device"
	}
	b.job.Trainer.Tune = append([]string{recipe, "--config", model + suffix}, b.tuneSettings()...)
}

// tuneSettings are what the runtime's own command fixes.
func (b *builder) tuneSettings() []string {
	var out []string
	for _, word := range b.fixed {
		if name, _, ok := strings.Cut(word, "="); ok && slices.Contains(tuneFixed, name) {
			out = append(out, word)
		}
	}
	return out
}

// tuneModel is the model that a runtime's name speaks of, as torchtune names it: that of
// torchtune-llama3.2-1b is llama3_2/1B.
func tuneModel(runtime string) string {
	parts := strings.Split(runtime, "-")
	if len(parts) != 3 {
		return ""
	}
	return strings.ReplaceAll(parts[1], ".", "_") + "/" + strings.ToUpper(parts[2])
}
