package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// end notes that it has come.
type end struct{ come bool }

func (e *end) OnWrite(*zapcore.CheckedEntry, []zapcore.Field) { e.come = true }

func TestLastWords(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Path: "db", Err: syscall.ENOSPC}
	for name, tt := range map[string]struct {
		message string
		fields  []zap.Field
		says    string // empty: nothing more than the entry itself
		panics  bool
	}{
		"full":    {"failed to commit tx", []zap.Field{zap.String("a", "b"), zap.Error(fmt.Errorf("commit: %w", full))}, "no space is left on the disk of /d: make room and start again", false},
		"broken":  {"failed to save", []zap.Field{zap.Error(syscall.EIO)}, "/d cannot be read or written (failed to save: input/output error)", false},
		"damaged": {"failed to open database", []zap.Field{zap.Error(errors.New("invalid database"))}, "what is in /d is damaged (failed to open database: invalid database): put back a copy", false},
		"a bug":   {"unexpected", []zap.Field{zap.Error(errors.New("x"))}, "", true},
		"no more": {"unexpected", nil, "", true},
	} {
		for _, level := range []zapcore.Level{zap.FatalLevel, zap.PanicLevel} {
			var out bytes.Buffer
			log, ended := slog.New(slog.NewTextHandler(&out, nil)), &end{}
			last := lastWords{dir: "/d", log: log, end: ended}
			logger := zap.New(slogCore{log: log}, zap.WithPanicHook(last), zap.WithFatalHook(last))
			panicked := func() (panicked bool) {
				defer func() { panicked = recover() != nil }()
				logger.Check(level, tt.message).Write(tt.fields...)
				return false
			}()
			if want := tt.panics && level == zap.PanicLevel; panicked != want || panicked == ended.come {
				t.Errorf("%s at %s: panicked %v, want %v; ended %v", name, level, panicked, want, ended.come)
			}
			if !strings.Contains(out.String(), tt.says) {
				t.Errorf("%s at %s: %s", name, level, out.String())
			}
		}
	}
}
