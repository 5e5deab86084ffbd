package engine

import (
	"context"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Progress implements runtime.Teller: it shows each second what say says.
func (r *replica) Progress(ctx context.Context, say func(spent time.Duration) string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			r.show(say(time.Since(began)))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
		r.show("")
	}
}

// show makes a sentence the message of the replica and of its workload.
func (r *replica) show(message string) {
	r.life.update(func(s *gpuagentv1.WorkloadStatus) {
		s.GetReplicas()[r.position].Message = message
		tell(s, message)
	})
}

// tell sets the message of a workload, unless it is that of whoever stopped it.
func tell(s *gpuagentv1.WorkloadStatus, message string) {
	if !s.GetStopRequested() {
		s.Message = message
	}
}
