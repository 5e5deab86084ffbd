package telemetry_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/kfmesh/kfmesh/internal/telemetry"
)

func start(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), "test", "v0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return tel
}

func TestLogsCarryTheTraceID(t *testing.T) {
	start(t)
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.DefaultLogConfig())
	ctx, span := otel.Tracer("test").Start(t.Context(), "work")
	defer span.End()
	log.InfoContext(ctx, "hello")
	if want := span.SpanContext().TraceID().String(); !strings.Contains(out.String(), want) {
		t.Errorf("log %s lacks trace id %s", out.String(), want)
	}
}

func TestSpansAreNotRecordedForNobody(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	start(t)
	_, span := otel.Tracer("test").Start(t.Context(), "work")
	defer span.End()
	if span.IsRecording() || !span.SpanContext().IsValid() {
		t.Errorf("a span records: %t, has ids: %t; want ids alone", span.IsRecording(), span.SpanContext().IsValid())
	}
}

func TestMetricsPageShowsACounter(t *testing.T) {
	tel := start(t)
	counter, err := otel.Meter("test").Int64Counter("kfmesh_test_things")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 7)
	page := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"kfmesh_test_things_total", "} 7", "go_goroutines"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("metrics page lacks %q", want)
		}
	}
}

func TestLogConfigRefusesNonsense(t *testing.T) {
	for _, c := range []telemetry.LogConfig{{Level: "loud", Format: "json"}, {Level: "info", Format: "xml"}} {
		if c.Validate() == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if err := telemetry.DefaultLogConfig().Validate(); err != nil {
		t.Error(err)
	}
}
