package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	patience   = time.Second // for what a killed holder has left behind
	retryPause = 2 * time.Millisecond
)

// lock makes this process the only one that uses a data directory. The kernel
// releases it with the file, however the process ends.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Preconditionf("data directory %s cannot be written to", dir).WithCause(err)
	}
	err = acquire(file)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer file.Close()
		return nil, fault.Preconditionf("data directory %s is in use by process %s; stop it or choose another --data-dir", dir, holder(file)).
			WithReason("DATA_DIR_IN_USE")
	}
	if err == nil {
		err = errors.Join(file.Truncate(0), writePID(file))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory %s: %w", dir, err), file.Close())
	}
	return file, nil
}

// acquire takes the lock, or returns EWOULDBLOCK when another process has it. A
// process that was killed in the moment it started another leaves the lock to
// that one until it has become its own program: a dead holder is waited for.
func acquire(file *os.File) error {
	for deadline := time.Now().Add(patience); ; <-time.After(retryPause) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || alive(holder(file)) || time.Now().After(deadline) {
			return err
		}
	}
}

// alive tells whether there is a process of that id. One that is not known
// counts as alive.
func alive(holder string) bool {
	pid, err := strconv.Atoi(holder)
	return err != nil || !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// holder returns the id of the process that wrote the lock file.
func holder(file *os.File) string {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, 20))
	if pid := bytes.TrimSpace(content); err == nil && len(pid) > 0 {
		return string(pid)
	}
	return "unknown"
}
