package api

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxWholeBytes is how much of what is kept apart one answer holds: with the tasks
// it has to fit into a message.
const maxWholeBytes = 16 << 20

// valueReader reads the large values of a run, each once, as far as there is room.
type valueReader struct {
	Deps
	runID string
	room  int64
	read  map[string]*structpb.Value // by digest
}

// fillIn puts the large values of tasks into their places, as far as an answer holds
// them.
func (d Deps) fillIn(ctx context.Context, runID string, tasks []*pipelinev1.Task) error {
	r := valueReader{Deps: d, runID: runID, room: maxWholeBytes, read: map[string]*structpb.Value{}}
	for _, task := range tasks {
		var err error
		if task.LargeOutputs, err = r.fill(ctx, task.GetOutputParameters(), task.GetLargeOutputs()); err != nil {
			return err
		}
		if task.LargeInputs, err = r.fill(ctx, task.GetInputParameters(), task.GetLargeInputs()); err != nil {
			return err
		}
	}
	return nil
}

// fill puts large values into parameters and returns those for which there was no
// room, or that are gone.
func (r *valueReader) fill(ctx context.Context, parameters *structpb.Struct, large []*pipelinev1.LargeValue) ([]*pipelinev1.LargeValue, error) {
	var left []*pipelinev1.LargeValue
	for _, apart := range large {
		place := placeOf(parameters, apart)
		if place == nil || apart.GetBytes() > r.room {
			left = append(left, apart)
			continue
		}
		value, err := r.load(ctx, apart)
		if err != nil {
			return nil, err
		}
		if value == nil {
			left = append(left, apart)
			continue
		}
		r.room -= apart.GetBytes()
		place.Kind = value.GetKind()
	}
	return left, nil
}

// load reads a value; nil when it is gone.
func (r *valueReader) load(ctx context.Context, apart *pipelinev1.LargeValue) (*structpb.Value, error) {
	if value, known := r.read[apart.GetDigest()]; known {
		return value, nil
	}
	content, err := state.LoadValue(ctx, r.Blob, r.runID, apart.GetDigest())
	var value *structpb.Value
	if err == nil {
		value, err = structpb.NewValue(content)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	r.read[apart.GetDigest()] = value
	return value, nil
}

// placeOf is where a large value belongs in parameters; nil when there is no such
// place.
func placeOf(parameters *structpb.Struct, apart *pipelinev1.LargeValue) *structpb.Value {
	place := parameters.GetFields()[apart.GetName()]
	for _, index := range apart.GetPath() {
		entries := place.GetListValue().GetValues()
		if index < 0 || int(index) >= len(entries) {
			return nil
		}
		place = entries[index]
	}
	return place
}
