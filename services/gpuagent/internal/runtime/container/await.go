package container

import (
	"context"
	"fmt"
	"time"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// engineWait is how long a replica waits for an engine that does not answer.
const engineWait = time.Minute

// await returns the engine once it answers.
func (r *Runtime) await(ctx context.Context, tell runtime.Teller) (*engine, error) {
	end := func() {}
	defer func() { end() }()
	for until := time.Now().Add(engineWait); ; {
		r.mu.Lock()
		e := r.current
		r.mu.Unlock()
		if e != nil && e.learn(ctx) == nil {
			return e, nil
		}
		_, err := r.Check(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || time.Now().After(until) {
			return nil, err
		}
		end()
		end = tell.Progress(ctx, runtime.For(fmt.Sprintf("waiting: %v", err)))
		pause(ctx, retryEvery)
	}
}
