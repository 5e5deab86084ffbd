// Package health asks every service how it is, and answers for all of them: over
// HTTP as /healthz (this process lives) and /readyz (every service serves), and
// over gRPC as grpc.health.v1, where the empty name means all services.
package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/route"
)

// checkTimeout is how long a service may take to say that it serves.
const checkTimeout = 2 * time.Second

// watchPeriod is how often a watched service is asked.
const watchPeriod = time.Second

// Checker asks the services of a mesh. It is safe for concurrent use.
type Checker struct {
	healthv1.UnimplementedHealthServer
	mesh     rpc.Mesh
	services []string
}

// New returns a checker of all services.
func New(mesh rpc.Mesh) *Checker { return &Checker{mesh: mesh, services: route.Services()} }

// NotServing asks all services at once and returns why some do not serve, by
// service; it is empty when all do.
func (c *Checker) NotServing(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	reasons := make([]string, len(c.services))
	var wait sync.WaitGroup
	for i, service := range c.services {
		wait.Go(func() { reasons[i] = c.ask(ctx, service) })
	}
	wait.Wait()
	failing := map[string]string{}
	for i, reason := range reasons {
		if reason != "" {
			failing[c.services[i]] = reason
		}
	}
	return failing
}

// ask returns why a service does not serve, or "". A process that does not know
// the service by name answers for itself as a whole.
func (c *Checker) ask(ctx context.Context, service string) string {
	client := healthv1.NewHealthClient(c.mesh.Conn(service))
	answer, err := client.Check(ctx, &healthv1.HealthCheckRequest{Service: service})
	if rpc.Status(err).Code() == codes.NotFound {
		answer, err = client.Check(ctx, &healthv1.HealthCheckRequest{})
	}
	switch {
	case err != nil:
		return fmt.Sprintf("cannot be asked: %s", rpc.Status(err).Message())
	case answer.GetStatus() != healthv1.HealthCheckResponse_SERVING:
		return answer.GetStatus().String()
	}
	return ""
}

// Check implements grpc.health.v1.Health. A name is that of a service, such as
// "pipeline", or of a gRPC service, such as "kfmesh.pipeline.v1.RunService".
func (c *Checker) Check(ctx context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	state, known := c.state(ctx, r.GetService())
	if !known {
		return nil, status.Errorf(codes.NotFound, "kfmesh has no service %q", r.GetService())
	}
	return &healthv1.HealthCheckResponse{Status: state}, nil
}

// Watch implements grpc.health.v1.Health.
func (c *Checker) Watch(r *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	last := healthv1.HealthCheckResponse_UNKNOWN
	for {
		state, _ := c.state(stream.Context(), r.GetService())
		if state != last {
			if err := stream.Send(&healthv1.HealthCheckResponse{Status: state}); err != nil {
				return err
			}
			last = state
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-ticker.C:
		}
	}
}

// state is how a named service is, or all of them, and whether there is such a one.
func (c *Checker) state(ctx context.Context, name string) (healthv1.HealthCheckResponse_ServingStatus, bool) {
	failing := c.NotServing(ctx)
	if name == "" {
		return serving(len(failing) == 0), true
	}
	if owner, ok := route.Owner(name); ok {
		name = owner
	}
	for _, service := range c.services {
		if service == name {
			return serving(failing[name] == ""), true
		}
	}
	return healthv1.HealthCheckResponse_SERVICE_UNKNOWN, false
}

func serving(yes bool) healthv1.HealthCheckResponse_ServingStatus {
	if yes {
		return healthv1.HealthCheckResponse_SERVING
	}
	return healthv1.HealthCheckResponse_NOT_SERVING
}
