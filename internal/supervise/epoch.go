package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// File names in an epoch directory.
const (
	ownerFile = "owner"
	pidFile   = "pid"
	exitFile  = "exit"
)

// State is where an epoch is in its life.
type State int

// The states.
const (
	Free    State = iota // nobody has taken it
	Sealed               // given up before it was started
	Running              // its supervisor lives
	Done                 // it ended; the Exit is known
	Lost                 // its supervisor is gone and left no Exit
)

// Inspect reads the state of the epoch in dir, and how it ended when Done.
func Inspect(dir string) (State, Exit, error) {
	o, err := readOwner(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Free, Exit{}, nil
	case err != nil:
		return Free, Exit{}, err
	case o.PID == 0:
		return Sealed, Exit{}, nil
	}
	alive, err := locked(dir)
	if err != nil {
		return Free, Exit{}, err
	}
	if alive {
		return Running, Exit{}, nil
	}
	exit, err := readExit(dir) // after the lock: it was written before the lock was let go
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Lost, Exit{}, nil
	case err != nil:
		return Free, Exit{}, err
	}
	return Done, exit, nil
}

// Seal takes a free epoch so that no supervisor can start it any more. It
// reports whether it did; false means that a supervisor came first.
func Seal(dir string) (bool, error) {
	f, err := claim(dir, owner{})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// PID returns the process id of the epoch's command, 0 while there is none.
func PID(dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		return 0
	}
	return pid
}

// claim makes o the owner of the epoch and returns the locked owner file. The
// error is fs.ErrExist when there is an owner already.
func claim(dir string, o owner) (*os.File, error) {
	f, err := os.CreateTemp(dir, ownerFile+".*")
	if err != nil {
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := occupy(f, dir, o); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("claim epoch: %w", err)
	}
	return f, nil
}

// occupy fills and locks f before it appears as the owner file.
func occupy(f *os.File, dir string, o owner) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if err := json.NewEncoder(f).Encode(o); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(dir, ownerFile))
}

func readOwner(dir string) (owner, error) {
	var o owner
	return o, readJSON(filepath.Join(dir, ownerFile), &o)
}

func readExit(dir string) (Exit, error) {
	var e Exit
	return e, readJSON(filepath.Join(dir, exitFile), &e)
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return nil
}

// locked reports whether the epoch's owner file is held by its supervisor.
func locked(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, ownerFile))
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

// writeExit makes the end of the epoch known, for good.
func writeExit(dir string, e Exit) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, exitFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, unix.Fdatasync(int(f.Fd())), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// bootID names this run of the kernel; empty where the system does not tell.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
