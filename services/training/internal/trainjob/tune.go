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
var tuneModels = []string{"llama3_2/1B", "llama3_2/3B", "llama3_3/70B", qwen}

// tuneFixed are settings that are the runtime's, not the job's, to say.
var tuneFixed = []string{"output_dir", "tokenizer.path", "tokenizer.merges_file", "checkpointer.checkpoint_dir"}

// manyNodes is the one model that torchtune trains on several nodes.
const manyNodes = "llama3_3/70B"

// qwen is the one that has no recipe for quantized adapters.
const qwen = "qwen2_5/1.5B"

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
	b.checkTuneArgs(model, nodes)
	recipe, suffix := b.recipe(nodes)
	if strings.HasPrefix(suffix, quantized) && model == qwen {
		b.problems.Invalid("spec.runtimeRef.name", b.spec.RuntimeRef.Name, "QLoRA is not supported for "+model+" model")
	}
	if suffix == quantized && (model == "llama3_2/1B" || model == "llama3_2/3B") {
		b.problems.Invalid("spec.trainer.numProcPerNode", b.job.Trainer.ProcessesPerNode, "must be auto or 1 for "+model+" model when using QLoRA")
		b.problems.Invalid("spec.trainer.resourcesPerNode", b.gpus(), "must have gpu resource with value 1 for "+model+" model when using QLoRA")
	}
	b.job.Trainer.Tune = append([]string{recipe, "--config", model + suffix}, b.tuneSettings()...)
}

// checkTuneArgs says what is wrong with what a job sets for its recipe.
func (b *builder) checkTuneArgs(model string, nodes int32) {
	args := b.spec.Trainer.Args
	switch {
	case nodes > 1 && model != manyNodes:
		b.problems.Invalid("spec.trainer.numNodes", nodes, "must be 1 for "+model+" model")
	case nodes > 1 && (adapts(args) || quantizes(args)):
		b.problems.Invalid("spec.trainer.numNodes", nodes, "LoRA fine-tuning is not supported for multi-node training in TorchTune")
	}
	for i, arg := range args {
		if name, _, _ := strings.Cut(arg, "="); slices.Contains(tuneFixed, name) {
			b.problems.Invalid(fmt.Sprintf("spec.trainer.args[%d]", i), arg, fmt.Sprintf("must not set %q, which is the runtime's to say", name))
		}
	}
}

// quantized is how the configurations for quantized adapters end; for one device more
// follows.
const quantized = "_qlora"

// recipe is the recipe, and the end of its configuration's name: by whether all weights are
// trained or adapters of them, quantized or not, and on how many devices.
func (b *builder) recipe(nodes int32) (recipe, suffix string) {
	args := b.spec.Trainer.Args
	recipe, suffix = "full_finetune", "_full"
	switch {
	case nodes > 1:
		return "full_finetune_distributed", "_full_multinode"
	case quantizes(args):
		recipe, suffix = "lora_finetune", quantized
	case adapts(args):
		recipe, suffix = "lora_finetune", "_lora"
	}
	if b.job.Trainer.ProcessesPerNode == "1" || b.gpus() == 1 {
		return recipe + "_single_device", suffix + "_single_device"
	}
	return recipe + "_distributed", suffix
}

// gpus are those of each node.
func (b *builder) gpus() int32 { return b.job.Group(b.job.Trainer.Group).Container(b.job.Kind).GPUs() }

// adapts reports whether low-rank adapters are trained.
func adapts(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, "model.lora_attn_modules") })
}

// quantizes reports whether the weights below adapters are quantized, which they are not
// with DoRA.
func quantizes(args []string) bool {
	return set(args, "model.quantize_base") && !set(args, "model.use_dora")
}

// set reports whether arguments set something to true.
func set(args []string, name string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		of, value, _ := strings.Cut(arg, "=")
		return strings.Contains(of, name) && strings.EqualFold(strings.TrimSpace(value), "true")
	})
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
