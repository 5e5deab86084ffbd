package engine

import (
	"context"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
)

// watch follows all workloads of jobs until ctx ends.
func (e *Engine) watch(ctx context.Context) {
	wait := firstPause
	for ctx.Err() == nil {
		synced, err := e.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if synced {
			wait = firstPause
		}
		e.deps.Log.WarnContext(ctx, "the stream of workload changes broke; opening it again", "error", err)
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, longestPause)
	}
}

// follow reads one stream to its end and reports whether it came to be in sync.
func (e *Engine) follow(ctx context.Context) (synced bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := e.board.all()
	stream, err := e.deps.Workloads.WatchWorkloads(ctx, &gpuagentv1.WatchWorkloadsRequest{
		LabelSelector: map[string]string{launch.LabelOwner: launch.Owner},
	})
	if err != nil {
		return false, err
	}
	seen := map[string]bool{}
	for {
		event, err := stream.Recv()
		if err != nil {
			return synced, err
		}
		w := event.GetWorkload()
		switch event.GetType() {
		case gpuagentv1.WorkloadEvent_TYPE_SYNCED:
			synced = true
			e.missed(ctx, before, seen)
			e.board.sync()
		case gpuagentv1.WorkloadEvent_TYPE_DELETED:
			e.board.remove(w)
			e.queue.put(jobOf(w))
		default:
			if !synced {
				seen[w.GetMetadata().GetName()] = true
			}
			e.board.set(w)
			e.queue.put(jobOf(w))
		}
	}
}

// missed takes note of the workloads that were deleted while no stream was open.
func (e *Engine) missed(ctx context.Context, before []*gpuagentv1.Workload, seen map[string]bool) {
	for _, w := range before {
		m := w.GetMetadata()
		if seen[m.GetName()] {
			continue
		}
		_, err := e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: m.GetNamespace(), Name: m.GetName()})
		if fault.Is(err, fault.NotFound) {
			e.board.remove(w)
			e.queue.put(jobOf(w))
		}
	}
}

// pause waits, and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
