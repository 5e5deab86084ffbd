package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"
)

// line is a supervisor's end of the socket to its agent. It never blocks.
type line struct {
	fd     int    // -1 once it is closed
	broken error  // why it was closed, when the agent is to blame
	heard  []byte // the beginning of an order that is still coming
	buffer [16 << 10]byte
}

func (l *line) open() bool { return l.fd >= 0 }

// close ends it: what the agent has said and was not heard yet counts as not said.
func (l *line) close() {
	if l.open() {
		_ = unix.Close(l.fd)
		l.fd = -1
	}
}

// orders yields what has come in, and closes the line when the agent has gone.
func (l *line) orders() iter.Seq[order] {
	return func(yield func(order) bool) {
		l.receive()
		for text := range l.lines() {
			var o order
			if err := json.Unmarshal(text, &o); err != nil {
				l.broken = fmt.Errorf("what comes over standard input is no order: %w", err)
				l.close()
				return
			}
			if !yield(o) {
				return
			}
		}
	}
}

// receive takes some of what has come in.
func (l *line) receive() {
	n, _, err := unix.Recvfrom(l.fd, l.buffer[:], unix.MSG_DONTWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
	case errors.Is(err, unix.ENOTSOCK):
		l.broken = errors.New("standard input is no socket: this program is for an agent of kfmesh to start")
		l.close()
	case err != nil, n == 0: // the agent ended, in this way or that
		l.close()
	default:
		l.heard = append(l.heard, l.buffer[:n]...)
	}
}

// lines takes the whole lines from what was heard.
func (l *line) lines() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := l.heard
		for {
			text, after, whole := bytes.Cut(rest, []byte("\n"))
			if !whole {
				break
			}
			rest = after
			if !yield(text) {
				break
			}
		}
		l.heard = append(l.heard[:0], rest...)
	}
}

// report tells the agent. An agent that does not take what it is told is as
// good as gone: it, or the next one, will read the journals.
func (l *line) report(r report) {
	data, err := json.Marshal(r)
	if err == nil && l.open() {
		err = unix.Send(l.fd, append(data, '\n'), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
	if err != nil {
		l.close()
	}
}
