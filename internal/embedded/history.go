package embedded

import (
	"context"
	"log/slog"
	"time"
)

const (
	// keptRevisions is how much history stays, for watches that take up again.
	keptRevisions = 10_000
	// historyInterval is the time between two looks at it. etcd's own are five minutes
	// apart, in which thousands of jobs come and go: what all of them ever were is then in
	// its file, is read at the next start, and stays in memory.
	historyInterval = 15 * time.Second
)

// keepHistory drops old revisions until close.
func (s *etcdServer) keepHistory(ctx context.Context, log *slog.Logger) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.stopped = make(chan struct{})
	go func() {
		defer close(s.stopped)
		tick := time.NewTicker(historyInterval)
		defer tick.Stop()
		for {
			if err := s.dropHistory(ctx, keptRevisions); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "old revisions cannot be dropped", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
}

// dropHistory drops all revisions but the last ones, unless there are hardly more: each time is
// a commit.
func (s *etcdServer) dropHistory(ctx context.Context, kept int64) error {
	kv := s.server.Server.KV()
	upTo := kv.Rev() - kept
	if upTo < kv.FirstRev()+kept/10 {
		return nil
	}
	_, err := s.client.Compact(ctx, upTo)
	return err
}
