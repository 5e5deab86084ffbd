package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// headerTimeout bounds how long a request for metrics may take to say what it wants.
const headerTimeout = 5 * time.Second

// metricsPage is the HTTP port at which a service's metrics are read.
type metricsPage struct {
	server *http.Server
	done   chan error
}

// serveMetrics serves /metrics at an address until close; with an empty address it
// serves nothing.
func serveMetrics(ctx context.Context, address string, metrics http.Handler) (*metricsPage, error) {
	if address == "" {
		return &metricsPage{}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for who reads metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	p := &metricsPage{server: &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}, done: make(chan error, 1)}
	go func() { p.done <- p.server.Serve(listener) }()
	return p, nil
}

// close ends the page and whoever reads it.
func (p *metricsPage) close() error {
	if p.server == nil {
		return nil
	}
	err := p.server.Close()
	if served := <-p.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
