package collect

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/garbage"
)

// leftovers removes directories of workloads that nobody knows.
func (s *sweep) leftovers(ctx context.Context) error {
	all, err := s.Node.Leftovers()
	if err != nil {
		return err
	}
	for _, l := range all {
		size, written, err := measure(l.Path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !s.leftoverGoes(l, written) {
			continue
		}
		if err != nil {
			return err
		}
		g := &metav1.Garbage{Kind: "workload", Name: l.Path, Bytes: size, Reason: "left by a workload that is gone"}
		err = s.dispose(g, func() (bool, error) { return true, s.Node.RemoveLeftover(ctx, l) })
		if err != nil {
			return err
		}
	}
	return nil
}

// leftoverGoes reports whether a directory goes. A temporary one may be that of
// another kfmesh's workload: it goes only if it is ours to remove, has not been
// touched for long, and no process has it for its TMPDIR.
func (s *sweep) leftoverGoes(l engine.Leftover, written time.Time) bool {
	if l.Ours {
		return garbage.LeftoverGoes(written, s.now)
	}
	return garbage.StrangerGoes(written, s.now) && owned(l.Path) && !mentioned(l.Path)
}

// measure adds up a directory and says when something in it was last written.
func measure(dir string) (size int64, written time.Time, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			size += info.Size()
		}
		if info.ModTime().After(written) {
			written = info.ModTime()
		}
		return nil
	})
	return size, written, err
}

// owned reports whether a directory belongs to the user of this process.
func owned(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// mentioned reports whether the environment of a process names a path, or that
// cannot be found out.
func mentioned(path string) bool {
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environs) == 0 {
		return true
	}
	for _, file := range environs {
		environ, err := os.ReadFile(file)
		if err == nil && bytes.Contains(environ, []byte(path)) { // what cannot be read is another user's, or has ended
			return true
		}
	}
	return false
}
