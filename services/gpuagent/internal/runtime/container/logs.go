package container

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// logPatience is how long the next lines of a container that has ended are waited for.
const logPatience = 10 * time.Second

// logCopy appends what a container writes to the log of its replica. An engine
// tells it from the beginning; what the log has of it already is skipped, so that
// a copy that was cut short is taken up at the very byte.
type logCopy struct {
	engine *engine
	name   string // of the container
	log    string // path of the log
	offset int64  // where in it the container begins
	over   bool   // it has all been copied, and others have written since
	logger *slog.Logger

	cancel context.CancelFunc // nil until begun
	done   chan struct{}      // closed when all was copied, or cancel was called
}

// begin starts to copy, once.
func (l *logCopy) begin(ctx context.Context) {
	if l.cancel != nil || l.over {
		return
	}
	ctx, l.cancel = context.WithCancel(ctx)
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		for err := l.copy(ctx); err != nil; err = l.copy(ctx) {
			if refusal(err) {
				l.logger.WarnContext(ctx, "what a container wrote is not told by its engine", "container", l.name, "error", err)
				return
			}
			if !pause(ctx, retryEvery) {
				return
			}
		}
	}()
}

// finish waits until everything was copied that a container wrote that has ended.
func (l *logCopy) finish(ctx context.Context) {
	if l.cancel == nil {
		return
	}
	tick := time.NewTicker(logPatience)
	defer tick.Stop()
	for had := int64(-1); ; {
		select {
		case <-l.done:
			return
		case <-tick.C:
			has := size(l.log)
			if has == had {
				l.logger.WarnContext(ctx, "the end of a container's log is missing: its engine does not tell it", "container", l.name)
				return
			}
			had = has
		case <-ctx.Done():
			return
		}
	}
}

// end gives up.
func (l *logCopy) end() {
	if l.cancel != nil {
		l.cancel()
		<-l.done
	}
}

// copy copies what is not in the log yet, until the container has ended.
func (l *logCopy) copy(ctx context.Context) error {
	file, err := os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	stream, err := l.engine.ContainerLogs(ctx, l.name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	buffer := bufio.NewWriter(file)
	out := &skipper{to: buffer, skip: size(l.log) - l.offset}
	_, err = stdcopy.StdCopy(out, out, &flusher{from: stream, to: buffer})
	return errors.Join(err, buffer.Flush(), stream.Close(), file.Close())
}

// flusher passes on what was read before it waits for more: engines send a line at a time.
type flusher struct {
	from io.Reader
	to   *bufio.Writer
}

// Read implements io.Reader.
func (f *flusher) Read(p []byte) (int, error) {
	if err := f.to.Flush(); err != nil {
		return 0, err
	}
	return f.from.Read(p)
}

// skipper leaves out the first bytes.
type skipper struct {
	to   io.Writer
	skip int64
}

// Write implements io.Writer.
func (s *skipper) Write(p []byte) (int, error) {
	left := min(max(s.skip, 0), int64(len(p)))
	s.skip -= left
	if left == int64(len(p)) {
		return len(p), nil
	}
	n, err := s.to.Write(p[left:])
	return int(left) + n, err
}
