package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// lock makes this process the only one that uses a data directory. The kernel
// releases it with the file, however the process ends.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Preconditionf("data directory %s cannot be written to", dir).WithCause(err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
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

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// holder returns the id of the process that wrote the lock file.
func holder(file *os.File) string {
	content, err := io.ReadAll(io.LimitReader(file, 20))
	if pid := bytes.TrimSpace(content); err == nil && len(pid) > 0 {
		return string(pid)
	}
	return "unknown"
}
