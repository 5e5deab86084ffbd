package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// hold locks a data directory in the name of a process.
func hold(t *testing.T, dir string, pid int) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(strconv.Itoa(pid)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLockRefusesWhileTheHolderLives(t *testing.T) {
	dir := t.TempDir()
	defer hold(t, dir, os.Getpid()).Close()
	if _, err := lock(dir); !fault.Is(err, fault.Precondition) {
		t.Errorf("lock: %v; want a Precondition", err)
	}
}

func TestLockWaitsForWhatADeadHolderLeftBehind(t *testing.T) {
	dead := exec.CommandContext(t.Context(), "true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	held := hold(t, dir, dead.Process.Pid)
	time.AfterFunc(50*time.Millisecond, func() { held.Close() })
	file, err := lock(dir)
	if err != nil {
		t.Fatalf("lock: %v", err)
	}
	file.Close()
}
