package joined

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// lock makes this process the only one that is the node of a directory, until the
// file is closed or the process ends.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Preconditionf("directory %s cannot be made", dir).WithCause(err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Preconditionf("directory %s cannot be written to", dir).WithCause(err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fault.Preconditionf("directory %s is in use by another agent; stop it or choose another --agent-dir", filepath.Dir(dir)).
			WithReason("AGENT_DIR_IN_USE")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), file.Close())
	}
	return file, nil
}
