// Package probe asks servers whether they are well, as the kubelet does: an HTTP GET, with
// TLS or without, a TCP connection, a call of gRPC's health service.
//
// Agents ask so whatever they ask themselves. What keeps a pod's processes is a
// program too small for TLS and gRPC; it starts kfmesh-probe, which is this package, for
// those.
package probe

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kfmesh/kfmesh/internal/pod"
)

// ErrTime is the error of what has taken too long.
var ErrTime = errors.New("it took too long")

// Ask does what an action says, which is no command. With reach, it is found at the host
// that this returns of the action's. The context's end is a failure, ErrTime.
func Ask(ctx context.Context, a pod.Action, reach func(host string) string) error {
	err := ask(ctx, a, reach)
	if err != nil && ctx.Err() != nil {
		return ErrTime
	}
	return err
}

func ask(ctx context.Context, a pod.Action, reach func(string) string) error {
	switch {
	case a.HTTP != nil:
		return get(ctx, *a.HTTP, reached(a.HTTP.Address, reach))
	case a.GRPC != nil:
		return check(ctx, *a.GRPC, reached(a.GRPC.Address, reach))
	case a.TCP != "":
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", reached(a.TCP, reach))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	select {
	case <-time.After(a.Sleep):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func reached(address string, reach func(string) string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || reach == nil {
		return address
	}
	return net.JoinHostPort(reach(host), port)
}

// get succeeds with 200 to 399. A redirection is not followed: what answers, answers.
func get(ctx context.Context, g pod.Get, address string) error {
	scheme := "http://"
	if g.TLS {
		scheme = "https://"
	}
	path := "/" + strings.TrimPrefix(g.Path, "/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kfmesh-probe")
	for name, value := range g.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- as the kubelet: it asks whether it lives, not who it is
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("GET %s: status %d", path, response.StatusCode)
	}
	return nil
}

// check succeeds with SERVING.
func check(ctx context.Context, h pod.Health, address string) error {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent("kfmesh-probe"),
		grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{Service: h.Service})
	if err != nil {
		return fmt.Errorf("the gRPC health service at %s: %w", address, err)
	}
	if answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the gRPC health service at %s says %s of %q", address, answer.GetStatus(), h.Service)
	}
	return nil
}

// Main is the program kfmesh-probe: it does the one action that args hold, as JSON, says on out
// what went wrong, and returns the status to exit with. Whoever started it ends it in time.
func Main(args []string, out io.Writer) int {
	var a pod.Action
	if len(args) != 1 {
		_, _ = fmt.Fprintln(out, "kfmesh-probe wants an action, as JSON")
		return 2
	}
	if err := json.Unmarshal([]byte(args[0]), &a); err != nil {
		_, _ = fmt.Fprintf(out, "kfmesh-probe cannot read its action: %v\n", err)
		return 2
	}
	if err := Ask(context.Background(), a, nil); err != nil {
		_, _ = fmt.Fprintln(out, err)
		return 1
	}
	return 0
}
