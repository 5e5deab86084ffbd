package app_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// module is a service that notes what happens to it.
type module struct {
	name  string
	notes *notes
	ready func() error // nil means at once
	fail  <-chan error // ends Run
}

type notes struct {
	mu   sync.Mutex
	text []string // guarded by mu
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, text)
}

func (m *module) Name() string                   { return m.name }
func (m *module) Register(grpc.ServiceRegistrar) { m.notes.add("register " + m.name) }
func (m *module) Ready(context.Context) error {
	if m.ready == nil {
		return nil
	}
	return m.ready()
}

func (m *module) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		m.notes.add("stop " + m.name)
		return nil
	case err := <-m.fail:
		return err
	}
}

// host returns a host in memory, the mesh that reaches it, and a channel that
// closes when it is ready.
func host(t *testing.T) (*app.Host, rpc.Mesh, <-chan struct{}) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server := rpc.NewServer(log)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mesh.Close() })
	ready := make(chan struct{})
	return &app.Host{Log: log, Server: server, Serve: mesh.Serve, Ready: func() { close(ready) }}, mesh, ready
}

func TestModulesStopInReverse(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	h, _, ready := host(t)
	n := &notes{}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx, &module{name: "a", notes: n}, &module{name: "b", notes: n}) }()
	<-ready
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if want := []string{"register a", "register b", "stop b", "stop a"}; !slices.Equal(n.text, want) {
		t.Errorf("got %v, want %v", n.text, want)
	}
}

func TestAModuleThatFailsEndsTheProcess(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"with an error": errors.New("disk on fire"), "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, _ := host(t)
			n := &notes{}
			fail := make(chan error, 1)
			fail <- failure
			err := h.Run(t.Context(), &module{name: "good", notes: n}, &module{name: "bad", notes: n, fail: fail})
			if err == nil || !strings.Contains(err.Error(), "service bad") || (failure != nil && !errors.Is(err, failure)) {
				t.Errorf("got %v, want to be told that bad failed", err)
			}
			if !slices.Contains(n.text, "stop good") {
				t.Errorf("the other module was not stopped: %v", n.text)
			}
		})
	}
}

func TestHealthFollowsReadiness(t *testing.T) {
	t.Parallel()
	h, mesh, ready := host(t)
	n := &notes{}
	var gate sync.Mutex
	waiting := errors.New("waits for its cache")
	slow := func() error {
		gate.Lock()
		defer gate.Unlock()
		return waiting
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- h.Run(ctx, &module{name: "quick", notes: n}, &module{name: "slow", notes: n, ready: slow})
	}()

	health := healthpb.NewHealthClient(mesh.Conn("any"))
	become := func(service string, want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		updates, err := health.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		for {
			got, err := updates.Recv()
			if err != nil {
				t.Fatalf("health of %q: %v", service, err)
			}
			if got.GetStatus() == want {
				return
			}
		}
	}
	become("quick", healthpb.HealthCheckResponse_SERVING)
	for _, service := range []string{"slow", ""} {
		got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("health of %q: %v, %v; want not serving", service, got.GetStatus(), err)
		}
	}
	gate.Lock()
	waiting = nil
	gate.Unlock()
	<-ready
	become("", healthpb.HealthCheckResponse_SERVING)
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestAServerThatEndsEndsTheProcess(t *testing.T) {
	t.Parallel()
	h, _, _ := host(t)
	broken := errors.New("listener closed")
	h.Serve = func() error { return broken }
	if err := h.Run(t.Context(), &module{name: "a", notes: &notes{}}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}
