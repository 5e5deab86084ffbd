package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap/zapcore"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// lastWords say what etcd dies of, where that is the disk's doing: it panics, or exits, in
// goroutines of its own, and a stack tells nobody to make room.
type lastWords struct {
	dir string
	log *slog.Logger
	end zapcore.CheckWriteHook // ends the process, as etcd means it to
}

// OnWrite implements zapcore.CheckWriteHook, for what is said before a panic or an exit.
func (w lastWords) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	sentence := epitaph(w.dir, e.Message, errorOf(fields))
	if sentence == "" && e.Level == zapcore.PanicLevel {
		panic(e.Message) // which is an error of etcd's, and its stack is wanted
	}
	if sentence != "" {
		w.log.Error(sentence)
	}
	w.end.OnWrite(e, fields)
}

// errorOf is the error among the fields of an entry, if there is one.
func errorOf(fields []zapcore.Field) error {
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			return err
		}
	}
	return nil
}

// epitaph is the sentence for an end that is the disk's doing, or empty. What was answered
// is safe in any of them: etcd answers once it is on the disk.
func epitaph(dir, message string, err error) string {
	var number syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("no space is left on the disk of %s: make room and start again; nothing that was answered is lost", dir)
	case errors.As(err, &number):
		return fmt.Sprintf("%s cannot be read or written (%s: %v): see to the disk or its permissions, and start again", dir, message, err)
	case message == "failed to open database" || message == "failed to open WAL" || message == "failed to read WAL, cannot be repaired":
		return damaged(dir, fmt.Sprintf("%s: %v", message, err)).Error()
	}
	return ""
}

// damaged says that what is in a directory cannot be used, and what to do.
func damaged(dir, how string) error {
	return fault.Preconditionf("what is in %s is damaged (%s): put back a copy of the whole data directory, or choose another", dir, how)
}

// begin starts etcd, which may meet damaged files with a panic.
func begin(cfg *embed.Config) (server *embed.Etcd, err error) {
	defer func() {
		if met := recover(); met != nil {
			server, err = nil, damaged(cfg.Dir, fmt.Sprint(met))
		}
	}()
	server, err = embed.StartEtcd(cfg)
	switch {
	case errors.Is(err, walpb.ErrCRCMismatch), errors.Is(err, wal.ErrCRCMismatch):
		return nil, damaged(cfg.Dir, err.Error())
	case err != nil:
		return nil, fmt.Errorf("start etcd on %s: %w", cfg.Dir, err)
	}
	return server, nil
}
