package collect

import (
	"context"
	"log/slog"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// settle is how long services that start together are given before the first
// collection.
const settle = time.Minute

// retryResume is the pause before condemned runs are seen to again, after that failed.
const retryResume = 5 * time.Second

// Wake has Keep see to condemned runs soon. It never blocks.
func (c *Collector) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// Keep ends what an earlier leader may have left, and from then on sees to
// condemned runs when it is woken; where retention is set, it collects soon and at
// every interval. It returns when ctx ends.
func (c *Collector) Keep(ctx context.Context, interval time.Duration, log *slog.Logger) {
	c.Wake()
	next := time.NewTimer(min(settle, interval))
	defer next.Stop()
	if !c.deps.Retention.Any() {
		next.Stop()
	}
	for {
		select {
		case <-c.woken:
			c.resumeAll(ctx, log)
		case <-next.C:
			c.collectOnce(ctx, log)
			next.Reset(interval)
		case <-ctx.Done():
			return
		}
	}
}

// resumeAll sees to condemned runs until that succeeds or ctx ends.
func (c *Collector) resumeAll(ctx context.Context, log *slog.Logger) {
	for {
		err := c.Resume(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		log.WarnContext(ctx, "artifacts of runs that are gone could not be removed; trying again", "error", err)
		pause := time.NewTimer(retryResume)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

func (c *Collector) collectOnce(ctx context.Context, log *slog.Logger) {
	count, bytes := 0, int64(0)
	err := c.Collect(ctx, false, func(g *metav1.Garbage) error {
		count++
		bytes += g.GetBytes()
		return nil
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.WarnContext(ctx, "housekeeping was cut short", "removed", count, "error", err)
	case count > 0:
		log.InfoContext(ctx, "housekeeping", "removed", count, "bytes", bytes)
	}
}
