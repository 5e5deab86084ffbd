package embedded

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/kfmesh/kfmesh/internal/fault"
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

// TestDamagedLogIsSaidToBeDamaged: etcd meets one with a panic, with an error, or by waiting
// for ever.
func TestDamagedLogIsSaidToBeDamaged(t *testing.T) {
	t.Parallel()
	noise := bytes.Repeat([]byte{7, 77, 177}, 1000)
	for name, damage := range map[string]func(log string) error{
		"begins with noise": func(log string) error { return overwrite(log, noise, 0) },
		"noise within":      func(log string) error { return overwrite(log, noise[:100], 800) },
		"ends early":        func(log string) error { return os.Truncate(log, 1000) },
		"gone":              os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, log := deserted(t), slog.New(slog.DiscardHandler)
			server, err := startEtcd(t.Context(), dir, log)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				if _, err := server.client.Put(t.Context(), fmt.Sprint(i), strings.Repeat("x", 100)); err != nil {
					t.Fatal(err)
				}
			}
			if err := server.close(); err != nil {
				t.Fatal(err)
			}
			logs, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
			if err != nil || len(logs) != 1 {
				t.Fatal(logs, err)
			}
			if err := damage(logs[0]); err != nil {
				t.Fatal(err)
			}
			began, err := begin(etcdConfig(dir, log))
			if err == nil {
				err = (&etcdServer{server: began}).ready(t.Context(), time.Second)
				began.Close()
			}
			if !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "what is in "+dir+" is damaged") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// deserted is a directory in which an etcd that has panicked may still write.
func deserted(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "kfmesh-"+rand.Text())
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// overwrite puts content into a file at an offset.
func overwrite(path string, content []byte, at int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(content, at)
	return errors.Join(err, file.Close())
}
