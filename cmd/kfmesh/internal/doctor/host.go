package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// Host is what checks see of the machine.
type Host interface {
	// LookPath finds a program.
	LookPath(name string) (string, error)
	// Output runs a program and returns what it wrote to standard output, trimmed.
	Output(ctx context.Context, name string, args ...string) (string, error)
	// Sibling finds a program beside this one.
	Sibling(name string) (string, error)
	// Engine finds the container engine that kfmesh would use, such as "Docker 29.1.3".
	Engine(ctx context.Context) (string, error)
	// Nvidia reports whether NVIDIA's driver is loaded, and whether this program can ask its
	// library.
	Nvidia() (driver, library bool)
	// DataDir is the directory that kfmesh keeps everything in.
	DataDir() string
	// FreeBytes is the free space at a path, or at its nearest parent that exists.
	FreeBytes(path string) (int64, error)
	// TryWrite makes sure that a file can be written in a directory, or the
	// directory be made.
	TryWrite(dir string) error
	// Reach connects to the server and says where it is.
	Reach(ctx context.Context) (address string, err error)
}

// Machine is the Host that is this machine.
type Machine struct {
	Dir     string
	Address string
	Connect func(ctx context.Context, address string) error
	Agent   gpuagent.Config
}

// LookPath searches PATH.
func (Machine) LookPath(name string) (string, error) { return exec.LookPath(name) }

// Output runs a program.
func (Machine) Output(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return "", errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(text)), err
}

// Nvidia looks for the driver in /proc.
func (Machine) Nvidia() (driver, library bool) {
	_, err := os.Stat("/proc/driver/nvidia")
	return err == nil, gpuagent.NVML
}

// Sibling looks in the directory of this executable.
func (Machine) Sibling(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return exec.LookPath(filepath.Join(filepath.Dir(self), name))
}

// Engine asks as the agent does.
func (m Machine) Engine(ctx context.Context) (string, error) { return m.Agent.ContainerEngine(ctx) }

// DataDir is the directory as it was configured.
func (m Machine) DataDir() string { return m.Dir }

// FreeBytes asks the file system.
func (Machine) FreeBytes(path string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(existing(path), &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// TryWrite writes and removes a file. In a directory that does not exist yet it
// tries the nearest parent that does.
func (Machine) TryWrite(dir string) error {
	file, err := os.CreateTemp(existing(dir), ".kfmesh-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// Reach connects to the server.
func (m Machine) Reach(ctx context.Context) (string, error) {
	return m.Address, m.Connect(ctx, m.Address)
}

// existing is the path or its nearest parent that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
