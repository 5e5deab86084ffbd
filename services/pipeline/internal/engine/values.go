package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxBeginningBytes is how much of a large value records show.
const maxBeginningBytes = 256

// keepApart stores the values of a step that are too large for its record, and puts
// what stands for them in their places.
func (e *Engine) keepApart(ctx context.Context, runID string, outputs *launch.Outputs) error {
	if err := shrink(outputs); err != nil {
		return err
	}
	for name, content := range outputs.Apart {
		err := persist(ctx, func(ctx context.Context) error {
			digest, err := state.StoreValue(ctx, e.deps.Bucket, runID, content)
			if err == nil {
				outputs.Values.Parameters[name] = largeOf(digest, content)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("the output parameter %q cannot be stored: %w", name, err)
		}
	}
	return nil
}

func largeOf(digest string, content []byte) *ir.Large {
	beginning := strings.ToValidUTF8(string(content[:min(len(content), maxBeginningBytes)]), "")
	return &ir.Large{Digest: digest, Bytes: int64(len(content)), Beginning: beginning + "…"}
}

// shrink takes the largest of the values that are part of the record out of it
// until the others fit. What then does not is metadata.
func shrink(outputs *launch.Outputs) error {
	for {
		size, err := sizeOfOutputs(outputs.Values)
		if err != nil || size <= maxOutputsBytes {
			return err
		}
		name, found := largest(outputs.Values.Parameters)
		if !found {
			return fmt.Errorf("the metadata of the output artifacts takes %d KiB as it is stored; "+
				"at most %d KiB are allowed: write large results to the artifacts themselves", size>>10, maxOutputsBytes>>10)
		}
		content, err := json.Marshal(outputs.Values.Parameters[name])
		if err != nil {
			return err
		}
		outputs.Apart[name] = content
		delete(outputs.Values.Parameters, name)
	}
}

// largest is the parameter that takes the most room, if one takes more than what
// would stand for it.
func largest(parameters map[string]any) (name string, found bool) {
	most := 2 * maxBeginningBytes
	for _, candidate := range slices.Sorted(maps.Keys(parameters)) {
		size, err := sizeOf(map[string]any{"": parameters[candidate]})
		if err == nil && size > most {
			name, found, most = candidate, true, size
		}
	}
	return name, found
}

// load reads large values of a run.
func (e *Engine) load(ctx context.Context, runID string) ir.Load {
	return func(large *ir.Large) (value any, err error) {
		err = persist(ctx, func(ctx context.Context) error {
			value, err = state.LoadValue(ctx, e.deps.Bucket, runID, large.Digest)
			return err
		})
		if fault.Is(err, fault.NotFound) {
			err = fmt.Errorf("a value of %d KiB that an earlier task made is gone: %w", large.Bytes>>10, err)
		}
		return value, err
	}
}

// whole returns values with all parameters read in.
func (e *Engine) whole(ctx context.Context, runID string, v ir.Values) (ir.Values, error) {
	parameters, err := e.load(ctx, runID).Parameters(v.Parameters, func(string) bool { return true })
	return ir.Values{Parameters: parameters, Artifacts: v.Artifacts}, err
}

// takeOver has a run keep the large ones of outputs that another run made. It
// reports whether they all were there.
func (e *Engine) takeOver(ctx context.Context, from, to string, outputs ir.Values) (bool, error) {
	for _, value := range outputs.Parameters {
		large, is := value.(*ir.Large)
		if !is || from == to {
			continue
		}
		err := state.CopyValue(ctx, e.deps.Bucket, from, to, large.Digest)
		if fault.Is(err, fault.NotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// load reads large values for the plan. When the run is given up meanwhile, nothing
// must follow from what the plan then makes of it.
func (r *runner) load(ctx context.Context) ir.Load {
	read := r.engine.load(ctx, r.item.Key)
	return func(large *ir.Large) (any, error) {
		value, err := read(large)
		if err != nil && ctx.Err() != nil {
			r.fatal = ctx.Err()
		}
		return value, err
	}
}
