package engine

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Sizes of what a record holds. A leaf's outputs are checked when they come, for
// they cannot be derived again; all else can be, or is for people.
const (
	maxTaskBytes    = 192 << 10 // of a record, with room below store.MaxValueBytes
	maxOutputsBytes = 160 << 10 // of the outputs of a leaf
	maxMessageBytes = 4 << 10
	maxLogTailBytes = 16 << 10
	maxWarnings     = 20
	maxPastAttempts = 100 // whose workloads are named
	maxPastStates   = 200
)

// fit makes a record one that can be stored, and returns it. It stays as it is when
// it can; else what takes too much room is cut or left out, and a warning says so.
func fit(task *pipelinev1.Task) *pipelinev1.Task {
	if proto.Size(task) <= maxTaskBytes {
		return task
	}
	for _, cut := range []func(*pipelinev1.Task){cutWords, cutPast, cutInputs, cutOutputs} {
		if cut(task); proto.Size(task) <= maxTaskBytes {
			break
		}
	}
	return task
}

// cutWords shortens what is for people.
func cutWords(task *pipelinev1.Task) {
	task.Message = shorten(task.GetMessage(), maxMessageBytes)
	if e := task.GetDetail().GetError(); e != nil {
		e.Message = shorten(e.GetMessage(), maxMessageBytes)
	}
	if tail := task.GetLogTail(); len(tail) > maxLogTailBytes {
		task.LogTail = strings.ToValidUTF8(tail[len(tail)-maxLogTailBytes:], "")
	}
	task.Warnings = task.GetWarnings()[:min(len(task.GetWarnings()), maxWarnings)]
	for i, warning := range task.GetWarnings() {
		task.Warnings[i] = shorten(warning, maxMessageBytes)
	}
}

// cutPast leaves out the oldest attempts and states of a task that was tried very
// often.
func cutPast(task *pipelinev1.Task) {
	if jobs := task.GetDetail().GetExecutorDetail().GetFailedMainJobs(); len(jobs) > maxPastAttempts {
		task.Detail.ExecutorDetail.FailedMainJobs = jobs[len(jobs)-maxPastAttempts:]
	}
	if history := task.GetDetail().GetStateHistory(); len(history) > maxPastStates {
		task.Detail.StateHistory = history[len(history)-maxPastStates:]
	}
}

// cutInputs leaves out what a task read.
func cutInputs(task *pipelinev1.Task) {
	size := proto.Size(&pipelinev1.Task{
		InputParameters: task.GetInputParameters(), LargeInputs: task.GetLargeInputs(), InputArtifacts: task.GetInputArtifacts(),
	})
	task.InputParameters, task.LargeInputs, task.InputArtifacts, task.Detail.Inputs = nil, nil, nil, nil
	note(task, "its inputs", size)
}

// cutOutputs leaves out what a DAG or loop made: it is what its tasks made.
func cutOutputs(task *pipelinev1.Task) {
	size := proto.Size(&pipelinev1.Task{
		OutputParameters: task.GetOutputParameters(), LargeOutputs: task.GetLargeOutputs(), OutputArtifacts: task.GetOutputArtifacts(),
	})
	task.OutputParameters, task.LargeOutputs, task.OutputArtifacts, task.Detail.Outputs = nil, nil, nil, nil
	note(task, "its outputs", size)
}

func note(task *pipelinev1.Task, what string, size int) {
	sentence := fmt.Sprintf("%s take %d KiB: they are not shown here", what, size>>10)
	if !slices.Contains(task.GetWarnings(), sentence) {
		task.Warnings = append(task.Warnings, sentence)
	}
}

// shorten cuts a sentence that is too long, and says so.
func shorten(text string, most int) string {
	const cut = " … (cut)"
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(cut)], "") + cut
}

// sizeOfOutputs is what the outputs of a leaf take in its record. They take more room
// there than as JSON: a number takes eleven bytes.
func sizeOfOutputs(v ir.Values) (int, error) {
	size, err := sizeOf(v.Parameters)
	if err != nil {
		return 0, fmt.Errorf("an output parameter cannot be stored: %w", err)
	}
	for key, artifacts := range v.Artifacts {
		for _, a := range artifacts {
			metadata, err := sizeOf(a.Metadata)
			if err != nil {
				return 0, fmt.Errorf("the metadata of the output artifact %q cannot be stored: %w", key, err)
			}
			size += metadata + len(key) + len(a.Name) + len(a.Type) + len(a.URI)
		}
	}
	return size, nil
}

func sizeOf(values map[string]any) (int, error) {
	s, err := structpb.NewStruct(values)
	return proto.Size(s), err
}
