package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  string `koanf:"log-level" usage:"least severe log level to print: debug, info, warn or error"`
	Format string `koanf:"log-format" usage:"log format: text or json"`
}

// DefaultLogConfig logs what people should know, as JSON.
func DefaultLogConfig() LogConfig { return LogConfig{Level: "info", Format: "json"} }

// Validate says what is wrong with the configuration.
func (c LogConfig) Validate() error {
	if _, err := c.level(); err != nil {
		return fault.Invalidf("log-level", "is %q; want debug, info, warn or error", c.Level)
	}
	if !slices.Contains([]string{"text", "json"}, c.Format) {
		return fault.Invalidf("log-format", "is %q; want text or json", c.Format)
	}
	return nil
}

func (c LogConfig) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(strings.ToUpper(c.Level)))
	return level, err
}

// NewLogger returns a logger that writes to w and adds trace_id and span_id to
// what is logged with a context that holds a span. The configuration must be valid.
func NewLogger(w io.Writer, c LogConfig) *slog.Logger {
	level, _ := c.level()
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(tracing{slog.NewTextHandler(w, options)})
	}
	return slog.New(tracing{slog.NewJSONHandler(w, options)})
}

// tracing adds the ids of the context's span to every record.
type tracing struct{ slog.Handler }

func (h tracing) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h tracing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracing{h.Handler.WithAttrs(attrs)}
}

func (h tracing) WithGroup(name string) slog.Handler { return tracing{h.Handler.WithGroup(name)} }
