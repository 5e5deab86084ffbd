package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"go.uber.org/zap/zapcore"
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
		return fmt.Sprintf("what is in %s is damaged (%s: %v): put back a copy of the whole data directory, or choose another", dir, message, err)
	}
	return ""
}
