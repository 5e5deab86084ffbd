package embedded

import (
	"context"
	"fmt"
	"log/slog"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapTo returns a zap logger by which log learns what an etcd on a directory dies of. Its
// other failures come back from the calls that meet them; what it says besides is for
// those who run a cluster.
func zapTo(log *slog.Logger, dir string) *zap.Logger {
	last := lastWords{dir: dir, log: log, end: zapcore.WriteThenFatal}
	return zap.New(slogCore{log: log}, zap.WithPanicHook(last), zap.WithFatalHook(last))
}

// slogCore is a zapcore.Core that writes to slog.
type slogCore struct {
	log    *slog.Logger
	fields []zapcore.Field
}

// Enabled implements zapcore.Core.
func (c slogCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.DPanicLevel && c.log.Enabled(context.Background(), slog.LevelError)
}

// With implements zapcore.Core.
func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{log: c.log, fields: append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

// Check implements zapcore.Core.
func (c slogCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(values)
	}
	attrs := make([]slog.Attr, 0, len(values.Fields))
	for key, value := range values.Fields {
		attrs = append(attrs, slog.Any(key, value))
	}
	c.log.LogAttrs(context.Background(), slog.LevelError, e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (slogCore) Sync() error { return nil }

// natsLog is a NATS logger whose warnings and errors go to slog.
type natsLog struct{ log *slog.Logger }

var _ natsserver.Logger = natsLog{}

// Noticef implements natsserver.Logger.
func (natsLog) Noticef(string, ...any) {}

// Debugf implements natsserver.Logger.
func (natsLog) Debugf(string, ...any) {}

// Tracef implements natsserver.Logger.
func (natsLog) Tracef(string, ...any) {}

// Warnf implements natsserver.Logger.
func (l natsLog) Warnf(format string, args ...any) { l.log.Warn(fmt.Sprintf(format, args...)) }

// Errorf implements natsserver.Logger.
func (l natsLog) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf implements natsserver.Logger. The server reports the failure besides.
func (l natsLog) Fatalf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }
