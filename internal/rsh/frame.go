package rsh

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// What is said over a connection are frames: a byte that says what it is, four of
// its length, and so many of content.
type kind byte

const (
	command  kind = 'c' // to be run by a shell; the first that a client sends
	input    kind = 'i' // of standard input; an empty one ends it
	signaled kind = 's' // one byte, a signal for the command
	output   kind = 'o'
	faults   kind = 'e' // of standard error
	status   kind = 'x' // one byte, the exit status; the last that a server sends
)

// mostBytes is how long the content of a frame may be.
const mostBytes = 1 << 20

// writer writes frames, each whole. It is safe for concurrent use.
type writer struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (w *writer) put(k kind, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	frame := make([]byte, 5, 5+len(content))
	frame[0] = byte(k)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(content)))
	_, err := w.w.Write(append(frame, content...))
	return err
}

// stream is a writer of one kind of frames.
type stream struct {
	w *writer
	k kind
}

// Write implements io.Writer.
func (s stream) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, mostBytes)
		if err := s.w.put(s.k, p[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// read reads one frame.
func read(r io.Reader) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > mostBytes {
		return 0, nil, fmt.Errorf("a frame of %d bytes; at most %d are allowed", length, mostBytes)
	}
	content := make([]byte, length)
	_, err := io.ReadFull(r, content)
	return kind(head[0]), content, err
}
