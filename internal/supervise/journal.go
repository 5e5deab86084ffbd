package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// record is a line of a journal, or all lines merged.
type record struct {
	Owner *owner `json:",omitempty"`
	PID   int    `json:",omitempty"` // of the command, which leads its session
	Stop  bool   `json:",omitempty"` // some agent wants it stopped
	Exit  *Exit  `json:",omitempty"`
}

// owner says who took an epoch.
type owner struct {
	PID    int    // of the supervisor; 0 for an agent that sealed the epoch
	BootID string // of the running kernel: process ids mean nothing across a restart
}

// claim begins an epoch's journal with its owner and returns the file, locked.
// The error is fs.ErrExist when there is an owner already.
func claim(path string, o owner) (*os.File, error) {
	journal, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	if err := own(journal, o); err != nil {
		_ = journal.Close()
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	return journal, nil
}

func own(journal *os.File, o owner) error {
	err := lock(journal)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return fs.ErrExist
	}
	if err != nil {
		return err
	}
	data, err := io.ReadAll(journal)
	switch {
	case err != nil:
		return err
	case bytes.IndexByte(data, '\n') >= 0:
		return fs.ErrExist
	case len(data) > 0: // an owner that did not get round to saying so
		err = journal.Truncate(0)
	}
	if err == nil {
		err = appendRecord(journal, record{Owner: &o})
	}
	return err
}

// wholeFile is a lock of an open file description on the whole of a file. It
// can be tested for without being taken, unlike flock's.
func wholeFile(kind int16) *unix.Flock_t { return &unix.Flock_t{Type: kind, Whence: io.SeekStart} }

func lock(journal *os.File) error {
	return unix.FcntlFlock(journal.Fd(), unix.F_OFD_SETLK, wholeFile(unix.F_WRLCK))
}

// unlock lets go even while a child that is being started still has a copy of
// the descriptor.
func unlock(journal *os.File) error {
	return unix.FcntlFlock(journal.Fd(), unix.F_OFD_SETLK, wholeFile(unix.F_UNLCK))
}

// locked reports whether somebody holds the lock.
func locked(journal *os.File) (bool, error) {
	found := wholeFile(unix.F_RDLCK)
	err := unix.FcntlFlock(journal.Fd(), unix.F_OFD_GETLK, found)
	return err == nil && found.Type != unix.F_UNLCK, err
}

// appendRecord adds a line with a single write.
func appendRecord(journal *os.File, r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = journal.Write(append(data, '\n'))
	return err
}

// readJournal returns what a journal says by now and whether the owner still
// holds it: what is said of an epoch that nobody holds is final. The record has
// no owner while the epoch is free.
func readJournal(path string) (r record, held bool, err error) {
	journal, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	defer func() { _ = journal.Close() }()
	if held, err = locked(journal); err != nil { // before the reading: the end is written before the lock is let go
		return record{}, false, fmt.Errorf("%s cannot be tested for its lock: %w", path, err)
	}
	data, err := io.ReadAll(journal)
	if err == nil {
		r, err = parseJournal(data)
	}
	if err != nil {
		return record{}, held, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return r, held, nil
}

// parseJournal merges the whole lines of a journal. A record of any line has an
// owner.
func parseJournal(data []byte) (record, error) {
	var r record
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // cut short: it was never said
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return record{}, err
		}
		if r.Owner == nil {
			return record{}, errors.New("it names no owner")
		}
	}
	return r, nil
}

// bootID names this run of the kernel; empty where the system does not tell.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(data))
}
