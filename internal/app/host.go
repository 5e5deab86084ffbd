package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// drain is how long calls in flight may take once the modules have stopped.
const drain = 2 * time.Second

// Host runs modules behind one gRPC server.
type Host struct {
	Log    *slog.Logger
	Server *grpc.Server // without services yet; Run stops it
	Serve  func() error // serves Server until it is stopped
	Ready  func()       // called once, when every module is ready; may be nil
}

// Run registers the modules and the health service, serves, runs the modules
// side by side, and returns when ctx has ended, or a module failed, and
// everything has stopped: with nil in the first case.
//
// The health of each module is under its name, that of all under "". On the
// way out health turns NOT_SERVING first; then the modules stop, the last
// first, so that each may call those before it to the end; then the server.
func (h *Host) Run(ctx context.Context, modules ...Module) error {
	status := health.NewServer()
	healthpb.RegisterHealthServer(h.Server, status)
	report(status, false, "")
	for _, m := range modules {
		m.Register(h.Server)
		report(status, false, m.Name())
	}
	// What ends first ends all: ctx, the server or a module.
	ended, end := context.WithCancelCause(ctx)
	defer end(nil)
	var serving errgroup.Group
	serving.Go(func() error {
		err := h.Serve()
		end(fmt.Errorf("gRPC server ended: %w", errors.Join(err, errStopped)))
		if errors.Is(err, grpc.ErrServerStopped) { // it was stopped before it began
			return nil
		}
		return err
	})
	running := h.start(ctx, modules, end)
	var watching sync.WaitGroup
	watching.Go(func() { h.watch(ended, status, modules) })
	<-ended.Done()

	status.Shutdown()
	watching.Wait()
	err := stop(running)
	h.stopServer()
	err = errors.Join(err, serving.Wait())
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(context.Cause(ended), err)
}

var errStopped = errors.New("stopped")

// running is a module at work.
type running struct {
	name string
	stop context.CancelFunc
	done chan error
}

// start runs every module under a context of its own, which does not end with
// ctx: stop ends them one by one. A module that returns by itself ends all.
func (h *Host) start(ctx context.Context, modules []Module, end context.CancelCauseFunc) []running {
	all := make([]running, 0, len(modules))
	for _, m := range modules {
		moduleCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{name: m.Name(), stop: stop, done: make(chan error, 1)}
		all = append(all, r)
		go func() {
			err := m.Run(moduleCtx)
			if moduleCtx.Err() != nil {
				r.done <- wrap(r.name, err)
				return
			}
			if err == nil {
				err = errStopped
			}
			end(wrap(r.name, err))
			r.done <- nil
		}()
	}
	return all
}

// stop stops the modules, the last first, and waits for each.
func stop(all []running) error {
	var errs []error
	for i := len(all) - 1; i >= 0; i-- {
		all[i].stop()
		errs = append(errs, <-all[i].done)
	}
	return errors.Join(errs...)
}

func wrap(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("service %s: %w", name, err)
}

// stopServer lets calls in flight end, for a while.
func (h *Host) stopServer() {
	hurry := time.AfterFunc(drain, h.Server.Stop)
	defer hurry.Stop()
	h.Server.GracefulStop()
}
