// Package logfile reads what replicas write: whole, the last lines, or as it grows.
//
// A growing file is looked at every so often rather than through inotify, whose
// watches are few on a host and do not work on every file system.
package logfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"
)

// followEvery is how often a followed file is looked at.
const followEvery = 50 * time.Millisecond

// chunkBytes is the largest piece that is passed on at once.
const chunkBytes = 32 << 10

// Tail returns the last lines of a file, at most limit bytes of them, as valid UTF-8.
// A file that cannot be read has none.
func Tail(path string, lines int, limit int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	start, err := tailOffset(f, int64(lines))
	if err != nil {
		return ""
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	if start < end-limit {
		start = end - limit
	}
	data := make([]byte, end-start)
	n, err := f.ReadAt(data, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	return string(bytes.ToValidUTF8(data[:n], []byte(string(utf8.RuneError))))
}

// tailOffset returns where the last lines of f begin; 0 lines means all.
func tailOffset(f io.ReadSeeker, lines int64) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || lines <= 0 {
		return 0, err
	}
	buf := make([]byte, chunkBytes)
	for at := end; at > 0; {
		n := min(at, int64(len(buf)))
		at -= n
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(f, buf[:n]); err != nil {
			return 0, err
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] != '\n' || at+i == end-1 { // a last line feed ends a line and begins none
				continue
			}
			if lines--; lines == 0 {
				return at + i + 1, nil
			}
		}
	}
	return 0, nil
}

// Cursor is how far a log was passed on.
type Cursor struct {
	// At is the offset of what comes next; negative while that is not known: then it begins
	// with the last Lines, or with the first of 0.
	At    int64
	Lines int64
}

// Begin is the cursor of a log of which nothing was passed on.
func Begin(lines int64) *Cursor { return &Cursor{At: -1, Lines: lines} }

// Copy passes on the file to its end. A file that does not exist is empty.
func (c *Cursor) Copy(path string, emit func([]byte) error) (err error) {
	c.At, err = more(path, c.At, c.Lines, emit)
	return err
}

// Follow is Copy that goes on as the file grows, and before there is one, until
// done is closed and everything was passed on, or ctx ends.
func (c *Cursor) Follow(ctx context.Context, path string, done <-chan struct{}, emit func([]byte) error) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for last := false; ; {
		if err := c.Copy(path, emit); err != nil || last {
			return err
		}
		select {
		case <-done:
			last = true // once more: it may have grown until just now
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// more passes on what is in the file from at on, and returns where that ends;
// at -1 stands for a beginning that is still to be found.
func more(path string, at, lines int64, emit func([]byte) error) (int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	defer func() { _ = f.Close() }()
	if at < 0 {
		if at, err = tailOffset(f, lines); err != nil {
			return at, err
		}
	}
	return copyFrom(f, at, emit)
}

func copyFrom(f *os.File, at int64, emit func([]byte) error) (int64, error) {
	buf := make([]byte, chunkBytes)
	for {
		n, err := f.ReadAt(buf, at)
		if n > 0 {
			at += int64(n)
			if err := emit(bytes.Clone(buf[:n])); err != nil {
				return at, err
			}
		}
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
	}
}
