package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// workloadsDir holds a directory for each replica, <run>.<group>-<index>,
// with another number behind where that was given anew.
func (e *Engine) workloadsDir() string { return filepath.Join(e.DataDir, "workloads") }

// replicaDir is where everything of one replica is.
func (e *Engine) replicaDir(run, replica string) string {
	return filepath.Join(e.workloadsDir(), run+"."+replica)
}

func logPath(replicaDir string) string { return filepath.Join(replicaDir, "log") }

// tempPrefix begins the names of temporary directories.
const tempPrefix = "kfmesh-"

// tempDir is the TMPDIR of a replica.
func tempDir(run, replica string) string {
	return filepath.Join(os.TempDir(), tempPrefix+run+"."+replica)
}

// spareTempDir is where the temporary directories are kept that an agent has to spare.
func spareTempDir(dataDir string) string {
	agent := fnv.New64a()
	agent.Write([]byte(dataDir))
	return filepath.Join(os.TempDir(), tempPrefix+"spare-"+strconv.FormatUint(agent.Sum64(), 36))
}

func (r *replica) tempDir() string { return tempDir(r.life.run, placeName(r.status)) }

// makeDirs makes a replica's directories, most of which are not there yet.
func (r *replica) makeDirs() error {
	e := r.life.engine
	if err := e.dirs.Make(r.dir); err != nil { // first: the others are found by it
		return err
	}
	if err := e.tempDirs.Make(r.tempDir()); err != nil {
		return err
	}
	if err := r.makeKeepDir(); err != nil {
		return err
	}
	if err := r.makeObjectsDir(); err != nil {
		return err
	}
	return e.dirs.Make(r.workDir())
}

// placeName names a replica's directory. One that was given anew has another, for what
// there was of the one before may still be on its way out.
func placeName(r *gpuagentv1.ReplicaStatus) string {
	if r.GetIncarnation() == 0 {
		return replicaName(r)
	}
	return fmt.Sprintf("%s.%d", replicaName(r), r.GetIncarnation())
}

// placeOf is where a replica of a workload is.
func (e *Engine) placeOf(run, replica string) runtime.Place {
	return runtime.Place{Workload: run, Replica: replica, Dir: e.replicaDir(run, replica)}
}

// placesOf are the places of a workload's replicas on this node.
func (e *Engine) placesOf(w *gpuagentv1.Workload) []runtime.Place {
	var places []runtime.Place
	for _, r := range e.own(w) {
		places = append(places, e.placeOf(state.RunOf(w), placeName(r)))
	}
	return places
}

// placesFound are all places that there are directories of, by run.
func (e *Engine) placesFound() (map[string][]runtime.Place, error) {
	entries, err := os.ReadDir(e.workloadsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	found := map[string][]runtime.Place{}
	for _, entry := range entries {
		run, replica, _ := strings.Cut(entry.Name(), ".")
		found[run] = append(found[run], runtime.Place{
			Workload: run, Replica: replica, Dir: filepath.Join(e.workloadsDir(), entry.Name()),
		})
	}
	return found, nil
}

// removePlaces removes all that there is of a workload on this node.
func (e *Engine) removePlaces(ctx context.Context, places []runtime.Place) {
	if !e.forgetPlaces(ctx, places) {
		return // the sweep of the next start does it
	}
	e.removeTemp(ctx, places)
	e.removeMemory(ctx, places)
	for _, at := range places {
		if err := e.removeDir(at.Dir); err != nil {
			e.Log.ErrorContext(ctx, "directory of a replica cannot be removed", "error", err)
		}
	}
}

// removeDir removes the directory of a replica.
func (e *Engine) removeDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return os.RemoveAll(dir)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if entry.IsDir() {
			err = e.dirs.Remove(path)
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			return os.RemoveAll(dir)
		}
	}
	return e.dirs.Remove(dir)
}

// openSpares begins to keep directories that are to spare.
func (e *Engine) openSpares() (closeAll func(), err error) {
	return func() {
		if err := errors.Join(e.dirs.Close(), e.tempDirs.Close()); err != nil {
			e.Log.Warn("spare directories cannot be removed", "error", err)
		}
	}, errors.Join(e.dirs.Open(), e.tempDirs.Open())
}

// forgetPlaces has the runtimes remove what they keep of places elsewhere, however
// long that takes. It returns false when the agent ends first.
func (e *Engine) forgetPlaces(ctx context.Context, places []runtime.Place) bool {
	for _, at := range places {
		for err := e.Runtimes.Forget(ctx, at); err != nil; err = e.Runtimes.Forget(ctx, at) {
			if ctx.Err() != nil {
				return false
			}
			e.Log.WarnContext(ctx, "what is left of a workload is not removed yet", "directory", at.Dir, "error", err)
			select {
			case <-time.After(forgetEvery):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err() == nil
}

// removeTemp removes the temporary files of a workload that has ended.
func (e *Engine) removeTemp(ctx context.Context, places []runtime.Place) {
	for _, at := range places {
		if err := e.tempDirs.Remove(tempDir(at.Workload, at.Replica)); err != nil {
			e.Log.WarnContext(ctx, "temporary files of a workload cannot be removed", "error", err)
		}
	}
}
