package app

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// How often modules are asked whether they are ready: at first at once, then
// ever more seldom; and once all are, whether they still are.
const (
	firstLook  = 2 * time.Millisecond
	seldomLook = 250 * time.Millisecond
	steadyLook = 2 * time.Second
	lookTime   = time.Second // that a module has to answer
)

// watch keeps the health of every module up to date until ctx ends.
func (h *Host) watch(ctx context.Context, status *health.Server, modules []Module) {
	waits := make(map[string]string, len(modules)) // what an unready module waits for
	pause, announced := firstLook, false
	for {
		all := true
		for _, m := range modules {
			ready := h.look(ctx, m, waits)
			report(status, ready, m.Name())
			all = all && ready
		}
		report(status, all, "")
		switch {
		case all && !announced:
			announced = true
			if h.Ready != nil {
				h.Ready()
			}
			pause = steadyLook
		case all:
			pause = steadyLook
		default:
			pause = min(2*pause, seldomLook)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// look asks one module whether it is ready, and logs when the answer is new.
func (h *Host) look(ctx context.Context, m Module, waits map[string]string) bool {
	askCtx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err := m.Ready(askCtx)
	if ctx.Err() != nil {
		return false
	}
	was, waited := waits[m.Name()]
	switch {
	case err == nil && waited:
		delete(waits, m.Name())
		h.Log.InfoContext(ctx, "module is ready", slog.String("module", m.Name()))
	case err != nil && was != err.Error():
		waits[m.Name()] = err.Error()
		h.Log.InfoContext(ctx, "module is not ready", slog.String("module", m.Name()), slog.Any("waiting_for", err))
	}
	return err == nil
}

func report(status *health.Server, ready bool, name string) {
	state := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		state = healthpb.HealthCheckResponse_SERVING
	}
	status.SetServingStatus(name, state)
}
