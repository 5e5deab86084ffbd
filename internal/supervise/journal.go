package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/cgroup"
)

// record is a line of a journal, or all lines merged.
type record struct {
	Owner *owner        `json:",omitempty"`
	PID   int           `json:",omitempty"` // of the command, which leads its session
	Group *cgroup.Group `json:",omitempty"` // that the command is in
	Stop  bool          `json:",omitempty"` // some agent wants it stopped
	Exit  *Exit         `json:",omitempty"`
}

// owner says who took an epoch.
type owner struct {
	PID    int    // of the supervisor; 0 for an agent that sealed the epoch
	BootID string // of the running kernel: process ids mean nothing across a restart
}

// journal is an open journal. It is a bare descriptor, because a file of package os
// is asked for its kind and offered to the poller at every opening, which is half
// of what a journal costs.
type journal struct{ fd int }

// openJournal opens a path with the flags of open(2).
func openJournal(path string, flags int) (journal, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
		if err == nil {
			return journal{fd}, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return journal{}, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// claim begins an epoch's journal and returns it, locked. It says who the owner is, and
// the group that the command is going to be in: who finds the owner gone finds what it
// had only just started. The error is fs.ErrExist when there is an owner already.
func claim(path string, o owner, group *cgroup.Group) (journal, error) {
	j, err := openJournal(path, unix.O_RDWR|unix.O_CREAT|unix.O_APPEND)
	if err == nil {
		if err = j.own(record{Owner: &o, Group: group}); err != nil {
			_ = j.close()
		}
	}
	if err != nil {
		return journal{}, fmt.Errorf("claim epoch: %w", err)
	}
	return j, nil
}

func (j journal) own(r record) error {
	err := j.setLock(unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return fs.ErrExist
	}
	if err != nil {
		return err
	}
	said, err := j.read()
	switch {
	case err != nil:
		return err
	case bytes.IndexByte(said, '\n') >= 0:
		return fs.ErrExist
	case len(said) > 0: // by an owner that did not get round to saying it
		err = unix.Ftruncate(j.fd, 0)
	}
	if err == nil {
		err = j.append(r)
	}
	return err
}

// wholeFile is a lock of an open file description on all of a file. It can be
// tested for without being taken, unlike flock's.
func wholeFile(kind int16) *unix.Flock_t { return &unix.Flock_t{Type: kind, Whence: unix.SEEK_SET} }

func (j journal) setLock(kind int16) error {
	return unix.FcntlFlock(uintptr(j.fd), unix.F_OFD_SETLK, wholeFile(kind))
}

// unlock lets go, even while a child that is being started has a copy of the descriptor.
func (j journal) unlock() error { return j.setLock(unix.F_UNLCK) }

// locked reports whether somebody holds the lock.
func (j journal) locked() (bool, error) {
	found := wholeFile(unix.F_RDLCK)
	err := unix.FcntlFlock(uintptr(j.fd), unix.F_OFD_GETLK, found)
	return err == nil && found.Type != unix.F_UNLCK, err
}

// append adds a line with a single write.
func (j journal) append(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	n, err := unix.Write(j.fd, data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return err
}

// read returns what it says from where the reading was left off.
func (j journal) read() ([]byte, error) {
	var said []byte
	var part [1 << 10]byte
	for {
		n, err := unix.Read(j.fd, part[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil, n == 0:
			return said, err
		default:
			said = append(said, part[:n]...)
		}
	}
}

func (j journal) close() error { return unix.Close(j.fd) }

// readJournal returns what a journal says by now and whether the owner still
// holds it: what is said of an epoch that nobody holds is final. The record has
// no owner while the epoch is free.
func readJournal(path string) (r record, held bool, err error) {
	j, err := openJournal(path, unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	defer func() { _ = j.close() }()
	if held, err = j.locked(); err != nil { // before the reading: the end is written before the lock is let go
		return record{}, false, fmt.Errorf("%s cannot be tested for its lock: %w", path, err)
	}
	said, err := j.read()
	if err == nil {
		r, err = parseJournal(said)
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
