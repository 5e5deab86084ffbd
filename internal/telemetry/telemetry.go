// Package telemetry sets up what a kfmesh process tells about itself: slog
// logs with trace ids, OpenTelemetry traces and metrics, and the Prometheus
// page of those metrics.
//
// Traces are exported over OTLP when OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set; otherwise spans only carry ids.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// flushTime is how long the last export may take.
const flushTime = 2 * time.Second

// Telemetry is what Start set up.
type Telemetry struct {
	metrics  http.Handler
	shutdown []func(context.Context) error
}

// Start sets the global tracer and meter providers and the W3C propagator for
// the process that offers service, a name such as "kfmesh" or "pipeline".
func Start(ctx context.Context, service, version string) (*Telemetry, error) {
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		semconv.ServiceName(service), semconv.ServiceVersion(version)))
	if err != nil {
		return nil, fmt.Errorf("describe process: %w", err)
	}
	t := &Telemetry{}
	if err := t.startTraces(ctx, res); err != nil {
		return nil, err
	}
	if err := t.startMetrics(res); err != nil {
		return nil, err
	}
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	return t, nil
}

// Metrics serves the process's metrics in Prometheus' text format.
func (t *Telemetry) Metrics() http.Handler { return t.metrics }

// Shutdown exports what is still buffered, also when ctx has ended, and gives up
// after flushTime: whoever stops a process does not wait for a collector that is
// gone.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	var errs []error
	for _, stop := range t.shutdown {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}

func (t *Telemetry) startTraces(ctx context.Context, res *resource.Resource) error {
	options := []trace.TracerProviderOption{trace.WithResource(res)}
	if exportsTraces() {
		exporter, err := otlptracegrpc.New(ctx)
		if err != nil {
			return fmt.Errorf("set up OTLP trace export: %w", err)
		}
		options = append(options, trace.WithBatcher(exporter))
	} else {
		options = append(options, trace.WithSampler(trace.NeverSample())) // nobody would see what is recorded
	}
	provider := trace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	t.shutdown = append(t.shutdown, provider.Shutdown)
	return nil
}

func (t *Telemetry) startMetrics(res *resource.Resource) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return fmt.Errorf("set up Prometheus export: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(exporter))
	otel.SetMeterProvider(provider)
	t.shutdown = append(t.shutdown, provider.Shutdown)
	t.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return nil
}

func exportsTraces() bool {
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}
