package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// claim begins an epoch's journal with its owner and returns the file, locked.
// The error is fs.ErrExist when there is an owner already.
func claim(path string, o owner) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = appendRecord(f, record{Owner: &o})
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	return f, nil
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

// readJournal returns what a journal says by now; the error is
// fs.ErrNotExist while there is none. A record it returns has an owner.
func readJournal(path string) (record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	r, err := parseJournal(data)
	if err != nil {
		return record{}, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return r, nil
}

// parseJournal merges the whole lines of a journal.
func parseJournal(data []byte) (record, error) {
	var r record
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // cut short: it was never said
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return record{}, err
		}
	}
	if r.Owner == nil {
		return record{}, errors.New("it names no owner")
	}
	return r, nil
}

// locked reports whether the epoch's journal is held by its supervisor.
func locked(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// bootID names this run of the kernel; empty where the system does not tell.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(data))
}
