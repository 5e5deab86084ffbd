// Package reconcile runs level-triggered controllers.
//
// A Controller has a queue of keys and workers that bring what each key names
// from what is observed to what is desired. A key that is added while it waits
// is handled once; one that is added while it is handled is handled again
// after; no key is handled by two workers at a time. What fails is tried again
// after a pause that doubles each time. A handler must therefore read the
// present state, not remember what it was called for.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Handler brings what key names to its desired state. A positive duration asks
// for another look after it, an error for another try after a pause.
type Handler func(ctx context.Context, key string) (again time.Duration, err error)

// Options of a controller. The zero value of each has the default beside it.
type Options struct {
	Workers   int           // 1
	FirstWait time.Duration // pause after the first failure: 50 ms
	MaxWait   time.Duration // longest pause: 30 s
}

// Controller handles keys. Make one with New.
type Controller struct {
	name    string
	handle  Handler
	workers int
	queue   workqueue.TypedRateLimitingInterface[string]
	log     *slog.Logger
}

// New returns a controller that logs failures under its name. Keys may be
// added before Run.
func New(name string, log *slog.Logger, handle Handler, options Options) *Controller {
	backoff := workqueue.NewTypedItemExponentialFailureRateLimiter[string](
		orDefault(options.FirstWait, 50*time.Millisecond), orDefault(options.MaxWait, 30*time.Second))
	return &Controller{
		name:    name,
		handle:  handle,
		workers: orDefault(options.Workers, 1),
		queue:   workqueue.NewTypedRateLimitingQueueWithConfig(backoff, workqueue.TypedRateLimitingQueueConfig[string]{}),
		log:     log.With(slog.String("controller", name)),
	}
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Add asks for key to be handled now.
func (c *Controller) Add(key string) { c.queue.Add(key) }

// AddAfter asks for key to be handled after a while.
func (c *Controller) AddAfter(key string, wait time.Duration) { c.queue.AddAfter(key, wait) }

// Len returns how many keys wait to be handled.
func (c *Controller) Len() int { return c.queue.Len() }

// Run handles keys until ctx ends and the handlers at work have returned. A
// controller runs once.
func (c *Controller) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, c.queue.ShutDown)
	defer stop()
	var workers sync.WaitGroup
	for range c.workers {
		workers.Go(func() { c.work(ctx) })
	}
	workers.Wait()
	return ctx.Err()
}

func (c *Controller) work(ctx context.Context) {
	for {
		key, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		if ctx.Err() == nil {
			c.settle(ctx, key)
		}
		c.queue.Done(key)
	}
}

// settle handles one key and decides what becomes of it.
func (c *Controller) settle(ctx context.Context, key string) {
	again, err := c.try(ctx, key)
	switch {
	case err == nil:
		c.queue.Forget(key)
		if again > 0 {
			c.queue.AddAfter(key, again)
		}
	case ctx.Err() != nil: // on the way out
	case fault.Is(err, fault.Conflict):
		// Somebody else wrote meanwhile, which is no failure: look again.
		c.queue.AddRateLimited(key)
	default:
		c.log.WarnContext(ctx, "reconcile failed; trying again",
			slog.String("key", key), slog.Int("failures", c.queue.NumRequeues(key)+1),
			slog.Any("error", err), slog.Any("cause", errors.Unwrap(err)))
		c.queue.AddRateLimited(key)
	}
}

// try calls the handler; a panic of it is a failure of its key alone.
func (c *Controller) try(ctx context.Context, key string) (again time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Internalf(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "controller %s failed", c.name)
		}
	}()
	return c.handle(ctx, key)
}
